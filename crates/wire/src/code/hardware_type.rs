//! Hardware types.

super::code_points! {
    /// The kind of a link-layer address, in DUIDs and CLIENT_LINKLAYER_ADDR.
    ///
    /// Source: the ARP hardware types of RFC 826 as RFC 8415 §11.2 refers to them; some of them.
    HardwareType(u16), unknown "hardware type";

    /// Ethernet. Source: RFC 5494 §3 and the ARP parameters registry.
    ETHERNET = 1 => "Ethernet";
    /// IEEE 802 networks. Source: the ARP parameters registry.
    IEEE_802 = 6 => "IEEE 802";
    /// EUI-64 addresses. Source: the ARP parameters registry.
    EUI_64 = 27 => "EUI-64";
    /// InfiniBand. Source: RFC 4391 §9.
    INFINIBAND = 32 => "InfiniBand";
}
