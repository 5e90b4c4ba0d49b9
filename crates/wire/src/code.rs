//! Code points (temporary minimum, replaced by the full tables).
#![allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionCode(pub u16);
impl OptionCode {
    pub const CLIENTID: Self = Self(1);
    pub const IAADDR: Self = Self(5);
    pub const RELAY_MSG: Self = Self(9);
    pub const IAPREFIX: Self = Self(26);
    pub const REMOTE_ID: Self = Self(37);
    pub const CLIENT_DATA: Self = Self(45);
    pub const CLT_TIME: Self = Self(46);
    pub const RELAY_ID: Self = Self(53);
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u8);
impl MessageType {
    pub const LEASEQUERY_DATA: Self = Self(17);
}
