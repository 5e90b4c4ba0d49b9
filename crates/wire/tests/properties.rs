//! What holds for any octets, and for any message that is valid.

mod common;

use common::{any_chain, any_message, any_option, frames, recorded_streams};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MAX_OPTIONS, OptionCode};
use leasebook_wire::option::{AnyOption, validate, validate_message};
use leasebook_wire::show::Shown;
use leasebook_wire::{
    Composer, Deframer, Duid, DuidRef, Message, Options, RelayChain, RelayPath, RemoteId,
};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// WIRE-016: any octets give a value or an error, never a panic, from every entrance.
    #[test]
    fn no_octets_panic(octets in vec(any::<u8>(), 0..300)) {
        read_everywhere(&octets);
    }

    /// WIRE-016: messages with some octets changed give a value or an error that names its place.
    #[test]
    fn no_damaged_message_panics(
        (_, mut octets) in any_chain(),
        damages in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        end in any::<prop::sample::Index>(),
    ) {
        for (at, octet) in damages {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        octets.truncate(end.index(octets.len() + 1));
        read_everywhere(&octets);
        if let Err(error) = validate_message(&octets, DEFAULT_NESTING_LIMIT) {
            prop_assert!(error.offset <= octets.len(), "{error}");
            let place = format!("octet {}", error.offset);
            prop_assert!(error.to_string().starts_with(&place));
        }
    }

    /// WIRE-010, WIRE-021: composing what was parsed gives the same octets, option by option.
    #[test]
    fn composing_what_was_parsed_is_the_identity(octets in any_message()) {
        let message = Message::parse(&octets).unwrap();
        prop_assert_eq!(validate_message(&octets, DEFAULT_NESTING_LIMIT), Ok(()));
        let mut out = b"before".to_vec();
        let mut composer = Composer::bare(&mut out);
        composer.put(&octets[..4]);
        for option in message.options() {
            AnyOption::parse(option).unwrap().compose(&mut composer).unwrap();
        }
        prop_assert_eq!(composer.finish(), Ok(octets.len()));
        prop_assert_eq!(&out[..6], b"before");
        prop_assert_eq!(&out[6..], &octets);
    }

    /// WIRE-018, WIRE-022: the options of a list, header by header, are the list.
    #[test]
    fn options_cover_their_list(octets in any_message()) {
        let message = Message::parse(&octets).unwrap();
        let mut at = 4;
        for option in message.options() {
            prop_assert_eq!(option.offset, at);
            prop_assert_eq!(&octets[at + 4..at + 4 + option.data.len()], option.data);
            at += 4 + option.data.len();
        }
        prop_assert_eq!(at, octets.len());
    }

    /// WIRE-019: a message that ends anywhere but between options is malformed as a whole.
    #[test]
    fn a_message_cut_inside_an_option_is_refused(
        octets in any_message(),
        end in any::<prop::sample::Index>(),
    ) {
        let end = end.index(octets.len());
        let message = Message::parse(&octets).unwrap();
        let ends: Vec<_> = message.options().iter().map(|option| option.offset).collect();
        prop_assert_eq!(Message::parse(&octets[..end]).is_ok(), ends.contains(&end));
    }

    /// WIRE-014, WIRE-015: a chain is walked outermost first down to its message.
    #[test]
    fn chains_have_all_their_levels((depth, octets) in any_chain()) {
        let chain = RelayChain::parse(&octets, DEFAULT_NESTING_LIMIT).unwrap();
        prop_assert_eq!(chain.depth(), depth);
        prop_assert_eq!(chain.levels().count(), depth);
        prop_assert!(octets.ends_with(chain.message().octets()) || depth > 0);
        prop_assert_eq!(chain.levels().last(), chain.innermost());
        prop_assert_eq!(chain.levels().next(), chain.outermost());
        prop_assert_eq!(RelayChain::parse(&octets, depth).is_ok(), true);
        if depth > 0 {
            prop_assert!(RelayChain::parse(&octets, depth - 1).is_err());
        }
    }

    /// WIRE-058: a chain without its message has all levels, and all their other options.
    #[test]
    fn taking_the_message_out_leaves_the_rest((depth, octets) in any_chain()) {
        let mut out = b"before".to_vec();
        let taken = RelayPath::take_from(&octets, DEFAULT_NESTING_LIMIT, &mut out);
        prop_assert_eq!(&out[..6], b"before");
        if depth == 0 {
            prop_assert!(taken.is_err() && out.len() == 6);
            return Ok(());
        }
        taken.unwrap();
        let chain = RelayChain::parse(&octets, DEFAULT_NESTING_LIMIT).unwrap();
        let path = RelayPath::parse(&out[6..], DEFAULT_NESTING_LIMIT).unwrap();
        prop_assert_eq!(path.depth(), depth);
        prop_assert_eq!(path.link_address(), chain.link_address());
        prop_assert_eq!(out.len() - 6, octets.len() - chain.message().octets().len() - 4);
        for (left, full) in path.levels().zip(chain.levels()) {
            prop_assert_eq!(left.header(), full.header());
            let others = |level: leasebook_wire::RelayMessage<'_>| -> Vec<_> {
                level
                    .options()
                    .iter()
                    .filter(|option| option.code != OptionCode::RELAY_MSG)
                    .map(|option| (option.code, option.data.to_vec()))
                    .collect()
            };
            prop_assert_eq!(others(left), others(full));
        }
        prop_assert_eq!(path.innermost().relayed(), None);
    }

    /// WIRE-062: whatever the reads, the frames are those of the whole stream.
    #[test]
    fn framing_does_not_depend_on_the_reads(
        messages in vec(vec(any::<u8>(), 0..40), 0..12),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut stream = Vec::new();
        for message in &messages {
            leasebook_wire::frame::compose_frame(message, &mut stream).unwrap();
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut deframer = Deframer::new();
        let mut frames = Vec::new();
        for pair in cuts.windows(2) {
            let mut input = &stream[pair[0]..pair[1]];
            while let Some(frame) = deframer.next(&mut input) {
                frames.push(frame.to_vec());
            }
            prop_assert!(input.is_empty());
        }
        prop_assert_eq!(frames, messages);
        prop_assert!(deframer.finish().is_ok());
    }

    /// WIRE-031: a DUID shown is read back equal, from either form of hex.
    #[test]
    fn duids_survive_text(octets in vec(any::<u8>(), 1..=130)) {
        let duid = Duid::new(&octets).unwrap();
        let text = duid.to_string();
        prop_assert_eq!(text.parse::<Duid>(), Ok(duid.clone()));
        prop_assert_eq!(text.replace(':', "").to_uppercase().parse::<Duid>(), Ok(duid));
    }

    /// WIRE-048: a Remote-ID shown is read back equal, be it shown as text or in hex.
    #[test]
    fn remote_ids_survive_text(
        enterprise in any::<u32>(),
        id in prop_oneof![vec(any::<u8>(), 1..20), "[0-9a-f:]{1,20}".prop_map(String::into_bytes)],
    ) {
        let remote_id = RemoteId::new(enterprise, &id).unwrap();
        prop_assert_eq!(remote_id.to_string().parse::<RemoteId>(), Ok(remote_id.clone()));
        prop_assert_eq!(RemoteId::from_octets(&remote_id.to_octets()), Ok(remote_id));
    }

    /// WIRE-031, WIRE-048: no text panics.
    #[test]
    fn no_text_panics(text in "\\PC{0,40}|[0-9a-f:]{0,40}|[0-9]{1,12}:.{0,9}") {
        let _ = text.parse::<Duid>();
        let _ = text.parse::<RemoteId>();
        if let Ok(name) = text.parse::<leasebook_wire::option::DomainName>() {
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    /// WIRE-017: composing fails, and leaves nothing, where something is too long.
    #[test]
    fn what_does_not_fit_leaves_no_trace(option in any_option(), len in 65_530..70_000_usize) {
        let mut out = b"before".to_vec();
        let mut composer = Composer::client(&mut out, 1.into(), common::XID);
        composer.put(&option);
        let so_far = composer.len();
        let fits = composer.option(OptionCode(999), &vec![0; len]).is_ok();
        prop_assert_eq!(fits, len <= 65_535);
        if fits {
            prop_assert!(composer.finish().is_err());
            prop_assert_eq!(out, b"before");
        } else {
            prop_assert_eq!(composer.len(), so_far);
            composer.finish().unwrap();
            prop_assert_eq!(&out[10..], &option);
        }
    }
}

/// WIRE-016: the recorded messages, cut at every octet and with every octet changed, never panic.
#[test]
fn no_recorded_message_panics_when_damaged() {
    for (_, stream) in recorded_streams(".bin") {
        for message in frames(&stream).iter().take(3) {
            for at in 0..message.len() {
                read_everywhere(&message[..at]);
                let mut damaged = message.clone();
                for octet in [0, 1, 127, 255] {
                    damaged[at] = octet;
                    read_everywhere(&damaged);
                }
            }
        }
    }
}

/// WIRE-016: the longest list of options, all empty, is read within its bound.
#[test]
fn reads_as_many_options_as_fit_and_no_more() {
    let list = vec![0; MAX_OPTIONS * 4];
    assert_eq!(Options::parse(&list, 0).unwrap().iter().count(), 16_383);
    let longer = vec![0; MAX_OPTIONS * 4 + 4];
    let error = Options::parse(&longer, 0).unwrap_err();
    assert_eq!(error.to_string(), "octet 0: more than 16383 options");
}

fn read_everywhere(octets: &[u8]) {
    let _ = Message::parse(octets);
    let _ = RelayChain::parse(octets, DEFAULT_NESTING_LIMIT);
    let _ = RelayPath::parse(octets, DEFAULT_NESTING_LIMIT);
    let _ = RelayPath::take_from(octets, DEFAULT_NESTING_LIMIT, &mut Vec::new());
    let _ = validate_message(octets, DEFAULT_NESTING_LIMIT);
    let _ = DuidRef::new(octets).map(|duid| duid.contents().to_string());
    let _ = RemoteId::from_octets(octets).map(|id| id.to_string());
    let _ = format!("{} {:#}", Shown(octets), Shown(octets));
    for &code in OptionCode::ALL {
        let _ = validate(code, octets);
    }
}
