//! What the file's documentation states, against the code.

use super::super::file::{
    AllowFile, BulkFile, ClassFile, DhcpFile, File, LinkFile, ListenFile, LogFile, MetricsFile,
    OptionsFile, PoolFile, PrefixPoolFile, ReservationFile, SectionDoc,
};
use super::*;

/// Every section's documentation.
fn sections() -> [SectionDoc; 13] {
    [
        File::DOC,
        ListenFile::DOC,
        BulkFile::DOC,
        AllowFile::DOC,
        MetricsFile::DOC,
        LogFile::DOC,
        LinkFile::DOC,
        PoolFile::DOC,
        PrefixPoolFile::DOC,
        DhcpFile::DOC,
        OptionsFile::DOC,
        ClassFile::DOC,
        ReservationFile::DOC,
    ]
}

/// What stands after `word` in the documentation, up to the next statement.
fn stated(lines: &[&str], word: &str) -> Option<String> {
    let text = lines.join("");
    let after = text.split_once(word)?.1.trim();
    let end = [". Range", ". Source", ". Required"]
        .iter()
        .filter_map(|mark| after.find(mark))
        .min()
        .unwrap_or(after.len());
    Some(after[..end].trim_end_matches('.').to_owned())
}

#[test]
fn every_stated_default_is_the_one_in_force() {
    let printed = effective(&Config::default());
    let mut seen = 0;
    for section in sections() {
        for setting in section.settings {
            let Some(default) = stated(setting.lines, "Default:") else {
                continue;
            };
            let key = setting.field.replace('_', "-");
            let by_rule = [
                "by timers",
                "max-connections",
                "data-timeout",
                "all five",
                "[id]",
            ];
            let in_force_once = !["link", "class", "reservation"]
                .iter()
                .any(|name| section.name.starts_with(name));
            if by_rule.contains(&default.as_str()) || !in_force_once {
                continue;
            }
            assert!(
                printed.contains(&format!("{key} = {default}\n")),
                "{key} has another default than {default}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 24, "only {seen} defaults were compared");
}

#[test]
fn every_stated_range_is_the_one_in_force() {
    let mut seen = 0;
    for section in sections() {
        for setting in section.settings {
            let Some(range) = stated(setting.lines, "Range:") else {
                continue;
            };
            let key = setting.field.replace('_', "-");
            let (low, high) = range.split_once(" to ").unwrap();
            let takes = |value: &str| read(&one_setting(section.name, &key, value));
            for edge in [low, high] {
                let value = written(edge, &key);
                assert!(
                    takes(&value).is_ok(),
                    "{key}: {edge} is refused: {:?}",
                    takes(&value)
                );
            }
            for beyond in beyond(low, high) {
                let value = written(&beyond, &key);
                assert!(takes(&value).is_err(), "{key}: {beyond} is taken");
            }
            seen += 1;
        }
    }
    assert!(seen >= 18, "only {seen} ranges were tried");
}

/// The values just outside of a range.
fn beyond(low: &str, high: &str) -> [String; 2] {
    match (low.parse::<i64>(), high.parse::<i64>()) {
        (Ok(low), Ok(high)) => [(low - 1).to_string(), (high + 1).to_string()],
        _ => ["999ms".to_owned(), format!("{high}1ms")],
    }
}

/// A value as the file has it: times in quotes, lists in brackets.
fn written(value: &str, key: &str) -> String {
    let value = if value.parse::<i64>().is_ok() {
        value.to_owned()
    } else {
        format!("\"{value}\"")
    };
    if ["sensitive-options", "kea-subnet-ids", "rsoo"].contains(&key) {
        format!("[{value}]")
    } else {
        value
    }
}

/// A file that is right but perhaps for one setting.
fn one_setting(section: &str, key: &str, value: &str) -> String {
    match (section, key) {
        ("", _) => format!("{key} = {value}\n"),
        ("bulk", "max-connections-per-source") => {
            format!("[bulk]\nmax-connections = 100000\n{key} = {value}\n")
        }
        ("link", "id") => LINK.replace("id = 1", &format!("id = {value}")),
        ("link", _) => format!("{LINK}{key} = {value}\n"),
        ("link.prefix-pool", _) => {
            format!("{LINK}[[link.prefix-pool]]\nprefix = \"::/0\"\n{key} = {value}\n")
        }
        ("class", _) => {
            format!(
                "[[class]]\nname = \"c\"\nmembers = [{{ duid = \"000200\" }}]\n{key} = {value}\n"
            )
        }
        ("reservation", _) => format!("[[reservation]]\nduid = \"000200\"\n{key} = {value}\n"),
        _ => format!("[{section}]\n{key} = {value}\n"),
    }
}
