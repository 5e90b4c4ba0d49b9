//! The command line as scripts see it: exit codes, standard output, standard error.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the program without any setting from outside.
fn leasebook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leasebook"))
        .args(arguments)
        .env_remove("LEASEBOOK_CONFIG")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

/// Exit code, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = leasebook(arguments);
    (
        output.status.code().expect("it exits by itself"),
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8(output.stderr).expect("text"),
    )
}

#[test]
fn help_names_every_command() {
    let (code, out, _) = run(&["--help"]);
    assert_eq!(code, 0);
    for command in [
        "demo",
        "serve",
        "relay",
        "query",
        "leases",
        "migrate",
        "check",
        "duid",
        "completions",
        "man",
    ] {
        assert!(
            out.contains(&format!("\n  {command} ")),
            "{command} is missing:\n{out}"
        );
    }
    assert!(out.contains("2  no server answered"));
}

#[test]
fn every_command_has_examples() {
    for command in [
        &["demo"][..],
        &["serve"],
        &["query"],
        &["leases", "import"],
        &["leases", "export"],
        &["leases", "list"],
        &["leases", "show"],
        &["leases", "stats"],
        &["leases", "reconfigure"],
        &["relay"],
        &["migrate", "kea"],
        &["check"],
        &["duid"],
        &["completions"],
        &["man"],
    ] {
        let (code, out, _) = run(&[command, &["--help"]].concat());
        assert_eq!(code, 0, "{command:?}");
        assert!(
            out.contains("Examples:\n  leasebook"),
            "{command:?} has none:\n{out}"
        );
    }
}

#[test]
fn version_is_told_on_standard_output() {
    let (code, out, err) = run(&["--version"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("leasebook "));
}

#[test]
fn usage_errors_end_with_1_and_never_with_clap_s_2() {
    for wrong in [
        &[][..],
        &["no-such-command"],
        &["query"],
        &["query", "::1"],
        &["query", "::1", "relay-id"],
        &["query", "::1", "relay-id", "xx"],
        &[
            "query",
            "::1",
            "relay-id",
            "00:03:00:01:aa",
            "--format",
            "xml",
        ],
        &["query", "::1:x:", "relay-id", "00:03:00:01:aa"],
        &["query", "::1", "remote-id", "plain"],
        &["query", "::1", "link-address", "::"],
        &[
            "query",
            "::1",
            "link-address",
            "3fff::1",
            "--link",
            "3fff::1",
        ],
        &["query", "::1", "address", "::"],
        &["query", "::1", "address", "3fff::1", "--data-timeout", "0s"],
        &["query", "::1", "address", "3fff::1", "--dev", "a b"],
        &["query", "::1", "address", "3fff::1", "--protocol", "256"],
        &["serve"],
        &["serve", "--config", "/nonexistent/leasebook.toml"],
        &["leases", "list"],
        &["leases", "import", "file"],
        &["check"],
        &["migrate"],
        &["duid", "parse", "00"],
        &["duid", "generate", "en"],
        &["duid", "generate", "uuid", "--enterprise", "1"],
    ] {
        let (code, out, err) = run(wrong);
        assert_eq!(code, 1, "{wrong:?}: {out}{err}");
        assert!(!err.is_empty(), "{wrong:?} says nothing");
        assert_eq!(out, "", "{wrong:?}");
    }
}

#[test]
fn a_relay_that_cannot_run_or_does_not_says_why() {
    for (arguments, what) in [
        (&["relay"][..], "give --config FILE"),
        (
            &["relay", "--config", "/nonexistent/relay.toml"],
            "cannot read the configuration",
        ),
        (
            &["relay", "status", "--control", "/nonexistent/socket"],
            "no relay answers at",
        ),
        (&["relay", "why", "nonsense"], "no IPv6 prefix or address"),
        (&["relay", "clear"], "required arguments"),
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(what), "{err}");
    }
}

#[test]
fn a_relays_configuration_is_judged() {
    let (directory, path) =
        file("[[server]]\naddress = \"192.0.2.1\"\n[[interface]]\nname = \"e\"\n");
    let (code, _, err) = run(&["relay", "check", "--config", &path]);
    assert_eq!(code, 1);
    assert!(
        err.contains(":2:11: DHCPv6 is spoken over IPv6 alone"),
        "{err}"
    );
    let (code, example, _) = run(&["relay", "example"]);
    assert_eq!(code, 0);
    std::fs::write(&path, example).expect("written");
    let (code, out, err) = run(&["relay", "check", "--config", &path]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("servers 1, interfaces 1"), "{out}");
    drop(directory);
}

/// A configuration file in a directory of its own.
fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("leasebook.toml");
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("plain").to_owned();
    (directory, path)
}

#[test]
fn check_points_at_line_and_column() {
    let (_directory, path) = file("[bulk]\nmax-connections = 0\n");
    let (code, out, err) = run(&["check", "--config", &path]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("leasebook.toml:2:19: 0 is out of range"),
        "{err}"
    );
    assert!(
        err.contains(" 2 | max-connections = 0\n   |                   ^"),
        "{err}"
    );
    assert!(err.ends_with("leasebook.toml: 1 error\n"), "{err}");
}

#[test]
fn check_tells_warnings_and_fails_on_them_only_if_strict() {
    let (_directory, path) = file("[bulk]\ndata-timeout = \"1s\"\n");
    let (code, out, err) = run(&["check", "--config", &path]);
    assert_eq!(code, 0);
    assert!(out.contains("right; 0 links"), "{out}");
    assert!(
        err.contains(":2:16: data-timeout is 1s, below the default"),
        "{err}"
    );
    assert_eq!(run(&["check", "--config", &path, "--strict"]).0, 1);
}

#[test]
fn what_check_prints_is_a_configuration_again() {
    let (_directory, path) =
        file("timers = \"rfc5460\"\n[[link]]\nid = 7\nname = \"a\"\non-link = [\"3fff::/64\"]\n");
    let (code, printed, _) = run(&["check", "--config", &path, "--print"]);
    assert_eq!(code, 0);
    assert!(printed.contains("data-timeout = \"5m\""), "{printed}");
    let (_again, again) = file(&printed);
    assert_eq!(run(&["check", "--config", &again, "--print"]).1, printed);
    let (code, example, _) = run(&["check", "--example"]);
    assert_eq!(code, 0);
    let (_example, path) = file(&example);
    assert_eq!(run(&["check", "--config", &path]).0, 0);
}

#[test]
fn a_duid_is_made_kept_shown_and_taken_apart() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().to_str().expect("plain");
    assert_eq!(run(&["duid", "show", "--data", data]).0, 1);
    let (code, made, _) = run(&["duid", "generate", "--save", data]);
    assert_eq!(code, 0);
    assert_eq!(
        run(&["duid", "show", "--data", data]),
        (0, made.clone(), String::new())
    );
    let (code, _, err) = run(&["duid", "generate", "--save", data]);
    assert_eq!(code, 1);
    assert!(err.contains("--replace"), "{err}");
    let (code, parts, _) = run(&["duid", "parse", made.trim()]);
    assert_eq!(code, 0);
    assert!(parts.contains("4 (DUID-UUID)"), "{parts}");
    let (_, parts, _) = run(&["duid", "parse", "00:01:00:01:00:00:00:05:02:00:5e:10:00:01"]);
    assert!(parts.contains("2000-01-01T00:00:05Z"), "{parts}");
    assert!(parts.contains("02:00:5e:10:00:01"), "{parts}");
}

#[test]
fn a_duid_of_each_type_is_made() {
    let (code, duid, _) = run(&[
        "duid",
        "generate",
        "ll",
        "--link-layer",
        "02:00:5e:10:00:01",
    ]);
    assert_eq!(
        (code, duid.as_str()),
        (0, "00:03:00:01:02:00:5e:10:00:01\n")
    );
    let (code, duid, _) = run(&[
        "duid",
        "generate",
        "en",
        "--enterprise",
        "2495",
        "--identifier",
        "01",
    ]);
    assert_eq!((code, duid.as_str()), (0, "00:02:00:00:09:bf:01\n"));
    let (code, duid, _) = run(&[
        "duid",
        "generate",
        "llt",
        "--link-layer",
        "aa",
        "--hardware-type",
        "6",
    ]);
    assert_eq!(code, 0);
    assert!(duid.starts_with("00:01:00:06:"));
}

#[test]
fn completions_and_manual_pages_are_printed_and_written() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(out.contains("leasebook"));
    }
    let (code, page, _) = run(&["man"]);
    assert_eq!(code, 0);
    assert!(page.contains(".TH leasebook 1"), "{page}");
    let directory = tempfile::tempdir().expect("a directory");
    let (code, _, err) = run(&["man", "--out", directory.path().to_str().expect("plain")]);
    assert_eq!(code, 0, "{err}");
    for page in [
        "leasebook.1",
        "leasebook-query.1",
        "leasebook-relay-recover.1",
        "leasebook-leases-import.1",
    ] {
        assert!(Path::new(directory.path()).join(page).exists(), "{page}");
    }
}

/// What `migrate kea` writes is a configuration without errors, whatever it came from.
#[test]
fn a_migrated_configuration_is_right() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("leasebook.toml");
    let out = out.to_str().expect("text");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../leasefile/tests/data");
    let samples = std::fs::read_dir(files.join("kea-config")).expect("samples");
    let samples = samples.map(|file| file.expect("a sample").path());
    let samples = samples.filter(|path| path.extension().is_some_and(|end| end == "conf"));
    let recorded = ["kea-dhcp6.conf", "kea-dhcp6-many.conf"].map(|name| files.join(name));
    for name in samples.chain(recorded) {
        let kea = name.to_str().expect("text");
        let (code, _, err) = run(&["migrate", "kea", "--config", kea, "--out", out, "--force"]);
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = run(&["check", "--config", out]);
        assert_eq!(code, 0, "{kea}: {err}");
    }
}

/// BLQ-R-041: a source that this machine does not let us ask from is its fault and no server's.
#[test]
fn a_source_that_is_not_ours_ends_with_1() {
    let taken = std::net::TcpListener::bind("[::1]:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (more, source, why) in [
        (&[][..], "2001:db8::99", "no address of this machine"),
        (&["--udp"], "2001:db8::99", "no address of this machine"),
        (&[], &taken, "in use"),
    ] {
        let query = ["query", "::1", "address", "3fff::1", "--source", source];
        let (code, out, err) = run(&[&query, more].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(
            err.contains("cannot connect from") && err.contains(why),
            "{err}"
        );
    }
}

/// What can be read but once is copied, and the copy is gone afterwards.
#[test]
fn leases_are_imported_from_a_pipe_as_from_a_file() {
    let leases = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/data/kea-3.3.1/kea-leases6.csv"
    );
    let (directory, config) = file("[[link]]\nid = 1\nname = \"a\"\non-link = [\"3fff::/64\"]\n");
    let import = |from: &str, given: Stdio| {
        let data = directory.path().join(from.replace('/', "_"));
        let output = Command::new(env!("CARGO_BIN_EXE_leasebook"))
            .args([
                "leases", "import", from, "--config", &config, "--json", "--data",
            ])
            .arg(&data)
            .stdin(given)
            .output()
            .expect("the program runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).expect("text"), err, data)
    };
    let (from_file, told, _) = import(leases, Stdio::null());
    assert!(from_file.contains("\"rows\""), "{told}");
    for name in ["-", "/dev/stdin"] {
        let mut source = Command::new("cat")
            .arg(leases)
            .stdout(Stdio::piped())
            .spawn()
            .expect("cat runs");
        let pipe = source.stdout.take().expect("a pipe");
        let (by_pipe, err, data) = import(name, pipe.into());
        source.wait().expect("ended");
        assert_eq!((&by_pipe, &err), (&from_file, &told), "{name}");
        let left = std::fs::read_dir(data).expect("a directory");
        let left: Vec<_> = left
            .map(|entry| entry.expect("readable").file_name())
            .collect();
        let is_ours =
            |name: &std::ffi::OsString| ["journal", "ledger", "lock"].iter().any(|own| name == own);
        assert!(left.iter().all(is_ours), "{left:?}");
    }
}
