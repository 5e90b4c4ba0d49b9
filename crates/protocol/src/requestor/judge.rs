//! One message of a reply, taken apart as far as the machine needs it.

use leasebook_wire::code::{MessageType, OptionCode, StatusCode};
use leasebook_wire::{Options, Xid};

use super::deviation::{Deviation, Deviations};

/// The options that decide what a message means for its query; the rest is passed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: MessageType,
    pub(super) xid: Xid,
    pub(super) server_id: Option<&'a [u8]>,
    pub(super) client_id: Option<&'a [u8]>,
    /// Status code and text; Success (0) where the option is absent (WIRE-044).
    pub(super) status: (StatusCode, &'a [u8]),
    /// The body of CLIENT_DATA.
    pub(super) client_data: Option<&'a [u8]>,
    /// The body of LQ_CLIENT_LINK, which has its place on UDP only.
    pub(super) client_link: Option<&'a [u8]>,
}

/// A message that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Its transaction-id, if that much of it was there.
    pub(super) xid: Option<Xid>,
}

impl<'a> Message<'a> {
    /// Reads msg-type (1), transaction-id (3), options (WIRE-008), counting what is kept
    /// though it deviates. Of an option that stands twice the first counts (WIRE-023).
    pub(super) fn read(octets: &'a [u8], deviations: &mut Deviations) -> Result<Self, Malformed> {
        let Some((&[kind, a, b, c], rest)) = octets.split_first_chunk::<4>() else {
            return Err(Malformed { xid: None });
        };
        let xid = Xid([a, b, c]);
        let options = Options::parse(rest, 4).map_err(|_| Malformed { xid: Some(xid) })?;
        let mut message = Self {
            kind: MessageType(kind),
            xid,
            server_id: None,
            client_id: None,
            status: (StatusCode::SUCCESS, &[]),
            client_data: None,
            client_link: None,
        };
        let mut status = None;
        for option in options {
            let kept = match option.code {
                OptionCode::SERVERID => &mut message.server_id,
                OptionCode::CLIENTID => &mut message.client_id,
                OptionCode::CLIENT_DATA => &mut message.client_data,
                OptionCode::STATUS_CODE => &mut status,
                OptionCode::LQ_CLIENT_LINK => &mut message.client_link,
                _ => continue,
            };
            if kept.is_some() {
                deviations.count(Deviation::RepeatedOption);
            } else {
                *kept = Some(option.data);
            }
        }
        if let Some(data) = status {
            message.take_status(data, deviations);
        }
        Ok(message)
    }

    /// Status-code (2) and message; shorter ones count as absent (WIRE-027, WIRE-044).
    fn take_status(&mut self, data: &'a [u8], deviations: &mut Deviations) {
        let Some((&code, text)) = data.split_first_chunk::<2>() else {
            deviations.count(Deviation::MalformedOption);
            return;
        };
        self.status = (StatusCode(u16::from_be_bytes(code)), text);
        if !self.is_failure() {
            deviations.count(Deviation::SuccessStatus);
        }
    }

    /// Whether the status is an error (BLQ-R-020).
    pub(super) fn is_failure(&self) -> bool {
        !self.status.0.is_success()
    }

    /// The status text for people: what is not UTF-8 or would move the cursor is escaped (WIRE-030).
    pub(super) fn status_text(&self) -> String {
        self.status
            .1
            .utf8_chunks()
            .flat_map(|chunk| {
                let valid = chunk.valid().chars().flat_map(|char| {
                    let escape = char.is_control();
                    let shown = (!escape).then_some(char);
                    let escaped = escape.then(|| char.escape_default());
                    shown.into_iter().chain(escaped.into_iter().flatten())
                });
                let invalid = chunk
                    .invalid()
                    .iter()
                    .flat_map(|octet| octet.escape_ascii())
                    .map(char::from);
                valid.chain(invalid)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Result<Message<'_>, Malformed> {
        Message::read(octets, &mut Deviations::default())
    }

    /// WIRE-011, WIRE-064: less than a header, or an option that overruns, is no message.
    #[test]
    fn refuses_what_is_shorter_than_it_says() {
        assert_eq!(read(&[15, 0, 0]).unwrap_err(), Malformed { xid: None });
        let xid = Some(Xid::from_number(7));
        let overrun = [15, 0, 0, 7, 0, 2, 0, 9, 1];
        assert_eq!(read(&overrun).unwrap_err(), Malformed { xid });
    }

    /// WIRE-030: a status text that is not UTF-8 is shown escaped.
    #[test]
    fn shows_any_status_text() {
        let octets = [16, 0, 0, 7, 0, 13, 0, 6, 0, 9, b'a', 0xff, b'\n', b'z'];
        let message = read(&octets).unwrap();
        assert_eq!(message.status.0, StatusCode::NOT_CONFIGURED);
        assert_eq!(message.status_text(), "a\\xff\\nz");
    }
}
