use super::*;

fn definition(fields: &[&str], is_array: bool) -> Definition {
    Definition {
        code: 1,
        name: "x".to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        is_array,
        ..Definition::default()
    }
}

#[test]
fn values_are_read_by_their_definition() {
    let read = |fields: &[&str], is_array, text| value(&definition(fields, is_array), text);
    let octets = |octets: &[u8]| Ok(OptionValue::Octets(octets.to_vec()));
    assert_eq!(
        read(&["ipv6-address"], true, " ::1, ::2"),
        Ok(OptionValue::Addresses(vec![
            "::1".parse().unwrap(),
            "::2".parse().unwrap()
        ]))
    );
    assert_eq!(
        read(&["fqdn"], true, "a.example., b"),
        Ok(OptionValue::Names(vec![
            "a.example".to_owned(),
            "b".to_owned()
        ]))
    );
    assert_eq!(
        read(&["string"], false, "a\\,b, c"),
        Ok(OptionValue::Text("a,b".to_owned()))
    );
    assert_eq!(
        read(&["string"], false, "a\\\\,c\\x"),
        Ok(OptionValue::Text("a\\".to_owned()))
    );
    assert_eq!(read(&["uint8"], false, "0xf0"), Ok(OptionValue::U8(240)));
    assert_eq!(read(&["uint32"], false, "ff"), Ok(OptionValue::U32(255)));
    assert_eq!(read(&["uint16"], true, "1, 258"), octets(&[0, 1, 1, 2]));
    assert_eq!(
        read(&["uint8", "boolean", "fqdn"], false, "5, true, b.c"),
        octets(&[5, 1, 1, b'b', 1, b'c', 0])
    );
    assert_eq!(
        read(&["uint8", "string"], false, "5, a,b"),
        octets(b"\x05a")
    );
    assert_eq!(read(&["tuple"], true, "ab,c"), octets(b"\0\x02ab\0\x01c"));
    assert_eq!(
        read(&["ipv6-prefix"], true, "2001:db8::/32"),
        octets(&[32, 0x20, 1, 0xd, 0xb8])
    );
    assert_eq!(
        read(&["ipv6-prefix"], false, "2001:db8:abcd::/45"),
        octets(&[45, 0x20, 1, 0xd, 0xb8, 0xab, 0xc8])
    );
    assert!(read(&["ipv6-prefix"], false, "2001:db8::/129").is_err());
    assert_eq!(read(&["binary"], false, "0x01 02"), octets(&[1, 2]));
    assert!(read(&["uint8"], false, "256").is_err());
    assert!(read(&["uint8", "uint8"], false, "1").is_err());
    assert_eq!(read(&["uint8", "uint8"], false, "1,,2,3"), octets(&[1, 2]));
    assert_eq!(read(&["uint8", "uint8"], true, "1,2,3"), octets(&[1, 2, 3]));
    assert_eq!(
        read(&["uint8", "psid"], false, "4, 3/4"),
        octets(&[4, 4, 0x30, 0])
    );
    assert_eq!(read(&["psid"], false, "0/0"), octets(&[0, 0, 0]));
    assert!(read(&["psid"], false, "16/4").is_err());
    assert!(read(&["odd", "uint8"], false, "1,2").is_err());
}
