use std::path::Path;

use leasebook_leasefile::kea_config::{parse_kea_config, to_leasebook_toml};

use crate::config;

/// The Kea configurations in a folder.
fn samples(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let samples = files.filter(|path| path.extension().is_some_and(|end| end == "conf"));
    samples
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

/// Whether the configuration that Kea's comes to is right, or what is wrong with it; none if
/// Kea's cannot be read.
fn judged(kea: &str, folder: &Path) -> Option<Result<(), String>> {
    let load = &mut |included: &Path| std::fs::read(folder.join(included));
    let kea = parse_kea_config(Path::new("kea.conf"), kea.as_bytes(), load).ok()?;
    let (toml, _) = to_leasebook_toml(&kea);
    let loaded = config::parse(&toml, Path::new("leasebook.toml"));
    Some(match loaded {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error}\n{toml}")),
    })
}

/// The text with each of its numbers changed, and with each of its lines left out or said twice.
fn changed(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let octets = text.as_bytes();
    let is_digit = |at: usize| octets.get(at).is_some_and(u8::is_ascii_digit);
    for at in 0..octets.len() {
        if is_digit(at) && at > 0 && matches!(octets[at - 1], b' ' | b'[') {
            let end = (at..=octets.len()).find(|at| !is_digit(*at)).unwrap();
            for number in ["0", "1", "300", "65536", "4294967294"] {
                all.push(format!("{}{number}{}", &text[..at], &text[end..]));
            }
        }
    }
    let lines: Vec<&str> = text.lines().collect();
    for left_out in 0..lines.len() {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != left_out);
        let kept: Vec<&str> = kept.map(|(_, line)| *line).collect();
        all.push(kept.join("\n"));
        let twice = [&lines[..=left_out], &lines[left_out..]].concat();
        all.push(twice.join("\n"));
    }
    all
}

/// Whatever of Kea's configurations is left out, said twice or of another size: what it comes to is right.
#[test]
fn whatever_kea_says_comes_to_a_configuration_that_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../leasefile/tests/data/kea-config");
    let mut tried = 0;
    for sample in samples(&folder) {
        for kea in changed(&sample) {
            let Some(judged) = judged(&kea, &folder) else {
                continue;
            };
            assert_eq!(judged, Ok(()), "{kea}");
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
}
