//! Running nft(8): the one place where it is done.
//!
//! The script goes in by standard input, and nothing of it is an argument or passes through a shell.

use std::collections::VecDeque;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use parking_lot::Mutex;

/// Processes remembered, so that their notifications, which come later, are known for ours.
const REMEMBERED: usize = 64;

/// Characters of what it says that are told.
const TOLD_CHARACTERS: usize = 300;

/// Numbers of processes we ran lately: the kernel names them in its notifications.
#[derive(Clone, Default)]
pub(in crate::relay) struct Own(Arc<Mutex<VecDeque<u32>>>);

impl Own {
    /// Whether a process is, or was, one of ours.
    pub(super) fn contains(&self, process: u32) -> bool {
        self.0.lock().contains(&process)
    }

    fn add(&self, process: u32) {
        let mut own = self.0.lock();
        if own.len() == REMEMBERED {
            own.pop_front();
        }
        own.push_back(process);
    }
}

/// The program.
pub(in crate::relay) struct Nft {
    program: String,
    own: Own,
}

impl Nft {
    /// The program with this name or path.
    pub(in crate::relay) fn new(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            own: Own::default(),
        }
    }

    /// The processes that are ours.
    pub(in crate::relay) fn own(&self) -> Own {
        self.own.clone()
    }

    /// Has a script done as one transaction: all of it, or nothing.
    pub(in crate::relay) fn run(&self, script: &str) -> Result<(), String> {
        let program = &self.program;
        let mut command = Command::new(program);
        command.args(["-f", "-"]).env("LC_ALL", "C");
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        self.own.add(child.id());
        let mut input = child.stdin.take();
        // It may end before it has read all; what it says then tells why.
        let written = input.as_mut().map(|to| to.write_all(script.as_bytes()));
        drop(input);
        let ended = child
            .wait_with_output()
            .map_err(|error| format!("cannot wait for {program}: {error}"))?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            let said = said.lines().find(|line| !line.trim().is_empty());
            let said: String = said
                .unwrap_or("it says nothing")
                .chars()
                .take(TOLD_CHARACTERS)
                .collect();
            return Err(format!("{program}: {said}"));
        }
        match written {
            Some(Err(error)) => Err(format!("cannot write to {program}: {error}")),
            _ => Ok(()),
        }
    }
}

/// Whether a table of ip6 with this name is in the kernel; no if that cannot be found out.
pub(crate) fn is_there(program: &str, table: &str) -> bool {
    let listed = Command::new(program)
        .args(["list", "tables", "ip6"])
        .env("LC_ALL", "C")
        .stderr(Stdio::null())
        .output();
    let wanted = format!("table ip6 {table}");
    listed.is_ok_and(|listed| {
        let text = String::from_utf8_lossy(&listed.stdout);
        text.lines().any(|line| line.trim() == wanted)
    })
}
