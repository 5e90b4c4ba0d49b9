//! DUID types.

super::code_points! {
    /// How a DUID was made: its first two octets. Never decides anything (WIRE-032).
    ///
    /// Source: RFC 8415 §11.1.
    DuidType(u16), unknown "DUID type";

    /// Link-layer address plus time. Source: RFC 8415 §11.2.
    LLT = 1 => "DUID-LLT";
    /// Assigned by a vendor. Source: RFC 8415 §11.3.
    EN = 2 => "DUID-EN";
    /// Link-layer address. Source: RFC 8415 §11.4.
    LL = 3 => "DUID-LL";
    /// Universally unique identifier. Source: RFC 8415 §11.5.
    UUID = 4 => "DUID-UUID";
}
