//! What operators ask of a server that has no DHCPv6, answered from the book.

use std::io;

use leasebook_protocol::server::Config;
use leasebook_store::{Book, StoreError};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

use crate::clock::Clock;
use crate::control::{Control, Request};
use crate::page;

/// Why something is not done here.
const NO_DHCP: &str = "this server has no DHCPv6 (listen.udp)";

/// Where operators ask.
pub(super) struct Desk {
    control: Control,
    waiter: UnixDatagram,
    clock: Clock,
}

/// Waits until an operator asks something; for ever where there is no desk.
pub(super) async fn asked(desk: Option<&Desk>) {
    match desk {
        Some(desk) => {
            // A socket that cannot be waited for is not answered, and nothing else depends on it.
            if desk.waiter.readable().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}

impl Desk {
    /// Must be called within the runtime.
    pub(super) fn new(control: Control) -> io::Result<Self> {
        Ok(Self {
            waiter: control.waiter()?,
            control,
            clock: Clock::new(),
        })
    }

    /// Answers one request, if there is one.
    pub(super) fn answer(&self, book: &Book, config: &Config) {
        let now = self.clock.now().wall;
        // That nothing is there to be read says that the next is to be waited for.
        let _ = self.waiter.try_io(Interest::READABLE, || {
            self.control
                .serve(&mut |request| decide(&request, now, book, config))
        });
    }
}

fn decide(request: &Request, now: u64, book: &Book, config: &Config) -> Result<String, String> {
    let said = |error: StoreError| error.to_string();
    match request {
        Request::Reconfigure { .. } => Err(format!("{NO_DHCP}: it tells clients nothing")),
        Request::Show(whom) => {
            let desk = page::Desk {
                book,
                config,
                usage: &[],
                has_dhcp: false,
                now,
            };
            page::pages(desk, whom).map_err(said)
        }
        Request::Stats => {
            let totals = page::totals(book).map_err(said)?;
            Ok(format!("{totals}no pools: {NO_DHCP}\n"))
        }
    }
}
