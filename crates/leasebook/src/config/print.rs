//! The configuration as a file: what is in force, and the commented example.

use std::fmt::{Display, Write as _};

use super::file::{AllowFile, BulkFile, File, ListenFile, LogFile, MetricsFile, SectionDoc};
use super::runtime::{Allow, Bulk, Config, QueryKinds};
use crate::text::duration;

mod clients;
mod dhcp;
mod links;
mod samples;

/// What is in force, as a file that reads back equal.
pub fn effective(config: &Config) -> String {
    let mut printer = Printer {
        text: String::new(),
        documented: false,
        sample: false,
    };
    printer.config(config);
    for allow in &config.bulk.allow {
        printer.allow(allow);
    }
    for class in &config.classes {
        printer.class(class);
    }
    for reservation in &config.reservations {
        printer.reservation("[[reservation]]", reservation);
    }
    for link in &config.links {
        printer.link(link);
    }
    printer.text
}

/// The commented example: every setting with its documentation, its default in force, and
/// a sample of what has none, commented out.
pub fn example() -> String {
    let mut printer = Printer {
        text: String::new(),
        documented: true,
        sample: false,
    };
    printer.config(&Config::default());
    printer.sample = true;
    printer.allow(&samples::allow());
    printer.class(&samples::class());
    printer.reservation("[[reservation]]", &samples::reservation());
    printer.link(&samples::link());
    printer.text
}

/// Whether a setting stands in the file by itself.
enum Written {
    /// It has a value of its own.
    Set(String),
    /// Its value follows from another setting.
    Follows(String),
    /// It has no value; a sample of one.
    Unset(&'static str),
    /// Another setting stands for it; a sample that stays a comment.
    Instead(&'static str),
}

/// Writes sections and settings.
struct Printer {
    /// What is written so far.
    text: String,
    /// Whether documentation goes with it.
    documented: bool,
    /// Whether everything is commented out.
    sample: bool,
}

impl Printer {
    /// The sections that are there once.
    fn config(&mut self, config: &Config) {
        self.top(config);
        self.section(&ListenFile::DOC, "[listen]");
        self.setting(
            &ListenFile::DOC,
            "tcp",
            Written::Set(texts(&config.listen.tcp)),
        );
        self.setting(
            &ListenFile::DOC,
            "udp",
            Written::Set(texts(&config.listen.udp)),
        );
        self.bulk(config);
        self.dhcp(&config.dhcp);
        self.section(&MetricsFile::DOC, "[metrics]");
        let listen = config
            .metrics
            .map_or(Written::Unset("\"127.0.0.1:9547\""), |address| {
                Written::Set(quoted(address))
            });
        self.setting(&MetricsFile::DOC, "listen", listen);
        self.section(&LogFile::DOC, "[log]");
        let level = Written::Set(quoted(config.log.level.word()));
        self.setting(&LogFile::DOC, "level", level);
        let format = Written::Set(quoted(config.log.format.word()));
        self.setting(&LogFile::DOC, "format", format);
        let clients = Written::Set(quoted(config.log.clients.word()));
        self.setting(&LogFile::DOC, "clients", clients);
    }

    /// The settings outside of any section.
    fn top(&mut self, config: &Config) {
        self.doc_lines(File::DOC.lines);
        let data = Written::Set(quoted(config.data.display()));
        self.setting(&File::DOC, "data", data);
        let server_id = config
            .server_id
            .as_ref()
            .map_or(Written::Unset("\"00:02:00:00:09:bf:01:23\""), |duid| {
                Written::Set(quoted(duid))
            });
        self.setting(&File::DOC, "server_id", server_id);
        let timers = Written::Set(quoted(config.timers.word()));
        self.setting(&File::DOC, "timers", timers);
        let codes = Written::Set(list(&config.sensitive_options, u16::to_string));
        self.setting(&File::DOC, "sensitive_options", codes);
    }

    /// The Bulk Leasequery server.
    fn bulk(&mut self, config: &Config) {
        let doc = &BulkFile::DOC;
        let Bulk {
            max_connections,
            max_connections_per_source: per_source,
            queries_per_connection,
            queries_per_source,
            queries_per_second,
            data_timeout,
            idle_timeout,
            types,
            unlisted,
            allow: _,
        } = &config.bulk;
        self.section(doc, "[bulk]");
        let number = |number: &u32| Written::Set(number.to_string());
        self.setting(doc, "max_connections", number(max_connections));
        let per_source = follows(per_source.to_string(), per_source == max_connections);
        self.setting(doc, "max_connections_per_source", per_source);
        self.setting(
            doc,
            "queries_per_connection",
            number(queries_per_connection),
        );
        self.setting(doc, "queries_per_source", number(queries_per_source));
        self.setting(doc, "queries_per_second", number(queries_per_second));
        let by_preset = *data_timeout == config.timers.data_timeout();
        let data = follows(quoted(duration::show(*data_timeout)), by_preset);
        self.setting(doc, "data_timeout", data);
        let idle = quoted(duration::show(*idle_timeout));
        self.setting(
            doc,
            "idle_timeout",
            follows(idle, idle_timeout == data_timeout),
        );
        self.setting(doc, "types", Written::Set(kinds(*types)));
        self.setting(doc, "unlisted", Written::Set(quoted(unlisted.word())));
    }

    /// One `[[bulk.allow]]`.
    fn allow(&mut self, allow: &Allow) {
        let doc = &AllowFile::DOC;
        self.section(doc, "[[bulk.allow]]");
        self.setting(doc, "source", Written::Set(quoted(allow.source)));
        self.setting(doc, "types", Written::Set(kinds(allow.types)));
    }

    /// The head of a section, after its documentation.
    fn section(&mut self, doc: &SectionDoc, head: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.doc_lines(doc.lines);
        self.line(head, self.sample);
    }

    /// A setting, after its documentation.
    fn setting(&mut self, doc: &SectionDoc, field: &str, written: Written) {
        if self.documented {
            let setting = doc.settings.iter().find(|one| one.field == field);
            if doc.name.is_empty() {
                self.text.push('\n');
            }
            self.doc_lines(setting.map_or(&[][..], |one| one.lines));
        }
        let key = key(field);
        match written {
            Written::Set(value) => self.line(&format!("{key} = {value}"), self.sample),
            Written::Follows(value) => {
                self.line(&format!("{key} = {value}"), self.documented);
            }
            Written::Unset(value) if self.documented => {
                self.line(&format!("{key} = {value}"), true);
            }
            Written::Instead(value) if self.documented => {
                self.line(&format!("## {key} = {value}"), false);
            }
            Written::Unset(_) | Written::Instead(_) => {}
        }
    }

    /// Documentation, where it is asked for: `## ` in front, so that taking `# ` away from
    /// samples leaves comments.
    fn doc_lines(&mut self, lines: &[&str]) {
        if self.documented {
            for line in lines {
                // Writing to a String cannot fail.
                let _ = writeln!(self.text, "##{line}");
            }
        }
    }

    /// A line, perhaps commented out.
    fn line(&mut self, line: &str, commented: bool) {
        if commented {
            self.text.push_str("# ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// A field as the file writes it.
fn key(field: &str) -> String {
    field.replace('_', "-")
}

/// A value that follows from another setting, or stands for itself.
fn follows(value: String, derived: bool) -> Written {
    if derived {
        Written::Follows(value)
    } else {
        Written::Set(value)
    }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

/// A list on one line.
fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let shown: Vec<String> = items.iter().map(show).collect();
    format!("[{}]", shown.join(", "))
}

/// A list of texts on one line.
fn texts<T: Display>(items: &[T]) -> String {
    list(items, |item| quoted(item))
}

/// Query types as a list.
fn kinds(kinds: QueryKinds) -> String {
    let kinds: Vec<_> = kinds.iter().collect();
    list(&kinds, |kind| quoted(kind.word()))
}
