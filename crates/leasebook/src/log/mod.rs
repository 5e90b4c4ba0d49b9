//! The log: events with a stable id, on standard error.
//!
//! ```text
//!  tell!(events::BLQ_QUERY_DONE, peer = %peer, bindings = n)
//!       │  level, id and message are the event's; the data is in fields
//!       ▼
//!  level (changed by a reload) ──► text | json | journald ──► standard error
//! ```
//!
//! The message of an event never changes with its data, so that a log can be searched and
//! counted by id. What each means and what to do about it is at its constant in [`events`],
//! and from there in `docs/messages.md`.

pub mod clients;
pub mod events;
mod journald;

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Log, LogClients, LogFormat, LogLevel};

/// Something that can be logged.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// The stable id, such as `BLQ_QUERY_DONE`; the name of its constant.
    pub id: &'static str,
    /// How important it is.
    pub level: tracing::Level,
    /// What happened, the same words every time.
    pub message: &'static str,
    /// What it means, its fields, and what to do: lines of Markdown.
    pub documentation: &'static [&'static str],
}

/// Logs an event of [`events`] with fields in `tracing`'s form.
#[macro_export]
macro_rules! tell {
    ($event:expr $(, $($fields:tt)*)?) => {
        ::tracing::event!(
            target: "leasebook",
            $event.level,
            { id = $event.id $(, $($fields)*)? },
            "{}",
            $event.message
        )
    };
}

/// Changes the level of a running log.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<LevelFilter, Registry>);

impl LogControl {
    /// From now on, show this level and what is more important, and name clients so.
    pub fn change(&self, level: LogLevel, clients: LogClients) {
        clients::set(clients);
        // It fails only where the subscriber is gone, and with it the log.
        let _ = self.0.reload(filter(level));
    }
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error("cannot begin the log: {0}")]
pub struct LogError(#[from] tracing::subscriber::SetGlobalDefaultError);

/// Begins the log of this process, on standard error.
pub fn begin(log: Log) -> Result<LogControl, LogError> {
    let colours = io::stderr().is_terminal();
    clients::set(log.clients);
    let (subscriber, control) = subscriber(log, colours, io::stderr);
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(control)
}

/// A log that writes elsewhere.
pub fn subscriber<W>(
    log: Log,
    colours: bool,
    writer: W,
) -> (impl Subscriber + Send + Sync, LogControl)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (level, handle) = reload::Layer::new(filter(log.level));
    let lines = fmt::layer().with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => lines.with_target(false).with_ansi(colours).boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_target(false)
            .boxed(),
        LogFormat::Journald => lines
            .with_ansi(false)
            .event_format(journald::Journald)
            .boxed(),
    };
    let subscriber = Registry::default().with(level).with(lines);
    (subscriber, LogControl(handle))
}

/// The filter of a level.
fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is written, for the test to read.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a log of this form and level makes of two events.
    fn logged(format: LogFormat, level: LogLevel) -> String {
        let written = Written::default();
        let out = written.clone();
        let clients = LogClients::Full;
        let log = Log {
            level,
            format,
            clients,
        };
        let (subscriber, control) = subscriber(log, false, move || out.clone());
        tracing::subscriber::with_default(subscriber, || {
            tell!(events::BLQ_QUERY_DONE, peer = %"::1", bindings = 7_u64);
            tell!(events::BLQ_MESSAGE_DROPPED, kind = "short");
            control.change(LogLevel::Error, clients);
            tell!(events::BLQ_QUERY_DONE);
        });
        let octets = written.0.lock().unwrap().clone();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn text_has_level_event_and_fields() {
        let text = logged(LogFormat::Text, LogLevel::Info);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("INFO"), "{text}");
        assert!(
            text.contains("query answered id=\"BLQ_QUERY_DONE\" peer=::1 bindings=7"),
            "{text}"
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(LogFormat::Json, LogLevel::Debug);
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["id"], "BLQ_QUERY_DONE");
        assert_eq!(lines[0]["message"], "query answered");
        assert_eq!(lines[0]["bindings"], 7);
        assert_eq!(lines[1]["level"], "DEBUG");
    }

    #[test]
    fn journald_lines_begin_with_the_priority_and_have_no_time() {
        let text = logged(LogFormat::Journald, LogLevel::Debug);
        assert_eq!(
            text,
            "<6>query answered id=\"BLQ_QUERY_DONE\" peer=::1 bindings=7\n\
             <7>message dropped id=\"BLQ_MESSAGE_DROPPED\" kind=\"short\"\n"
        );
    }
}
