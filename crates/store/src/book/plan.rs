//! Where answers may be: the next stretch of keys to look through.

use super::view::Walking;
use crate::binding::LinkId;
use crate::index::{self, Index};
use crate::key::{self, BindingKey, RelayTag, RemoteTag};
use crate::lease_store::StoreError;
use crate::query::{Links, Query, Selector};

/// A stretch of keys, and what is known of the records in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Its first key.
    pub(super) from: Vec<u8>,
    /// The first key behind it; none if it has no end.
    pub(super) until: Option<Vec<u8>>,
    /// What has to be asked of a record in it.
    pub(super) rule: Rule,
    /// An index told of its first record only: others may be far behind.
    pub(super) is_sparse: bool,
}

/// What has to be asked of a record so that it answers the query. The links are right already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing at all: for exports.
    Everything,
    /// Whether it is live.
    Live,
    /// The same, and whether the nearest Relay-ID, whose tag is right, is right.
    OwnRelay,
    /// Whether it is live and has the Remote-ID of this tag.
    Remote(RemoteTag),
    /// All that the query says.
    Query,
}

/// The first stretch at or behind `from` in which answers may be; none if there is none.
pub(super) fn next(
    view: &Walking<'_>,
    query: &Query,
    from: &[u8],
) -> Result<Option<Stretch>, StoreError> {
    match &query.selector {
        Selector::All => Ok(all(&query.links, from)),
        Selector::RelayId(id) => relay(view, RelayTag::of(id), &query.links, from),
        Selector::RemoteId(id) => remote(view, RemoteTag::of(id), &query.links, from),
        // Single look-ups, not scans.
        Selector::Client(_) | Selector::Address(_) => Ok(None),
    }
}

/// Everything, or link by link.
fn all(links: &Links, from: &[u8]) -> Option<Stretch> {
    let (from, until) = match links {
        Links::Any => (from.to_vec(), None),
        Links::Of(_) => {
            let link = next_link(links, link_at(from))?;
            (from.max(&link_start(link)).to_vec(), link_end(link))
        }
    };
    Some(Stretch {
        from,
        until,
        rule: Rule::Live,
        is_sparse: false,
    })
}

/// The relay's own stretch of a link, or before it a record that names it at another hop.
fn relay(
    view: &Walking<'_>,
    tag: RelayTag,
    links: &Links,
    from: &[u8],
) -> Result<Option<Stretch>, StoreError> {
    let own = own_stretch(view, tag, links, from)?;
    let Some(hop) = tagged(view, Index::Hop, tag.0, links, from)? else {
        return Ok(own);
    };
    if own.as_ref().is_some_and(|own| own.from <= hop) {
        return Ok(own);
    }
    // Up to the own stretch, but never over a link that may not be asked for.
    let link_end = link_limit(links, &hop);
    let own_from = own.map(|own| own.from);
    Ok(Some(Stretch {
        until: [own_from, link_end].into_iter().flatten().min(),
        from: hop,
        rule: Rule::Query,
        is_sparse: true,
    }))
}

/// The relay's own keys on the next link where it has some.
fn own_stretch(
    view: &Walking<'_>,
    tag: RelayTag,
    links: &Links,
    from: &[u8],
) -> Result<Option<Stretch>, StoreError> {
    let mut link = link_at(from);
    loop {
        let Some(wanted) = next_link(links, link) else {
            return Ok(None);
        };
        let entry = view.next(Index::Relay, index::relay_key(tag, wanted).octets())?;
        let found = entry.and_then(|(entry, _)| index::split_tagged(entry));
        let found = found.filter(|(found, _)| *found == tag.0);
        let Some(found) = found.and_then(|(_, link)| key::link_of(link)) else {
            return Ok(None);
        };
        link = found;
        if !links.contains(found) {
            continue;
        }
        let start = BindingKey::new(found, tag, &[]).into_octets();
        let end = match tag.0.checked_add(1) {
            Some(next) => Some(BindingKey::new(found, RelayTag(next), &[]).into_octets()),
            None => link_end(found),
        };
        if end.as_deref().is_none_or(|end| from < end) {
            return Ok(Some(Stretch {
                from: start.as_slice().max(from).to_vec(),
                until: end,
                rule: Rule::OwnRelay,
                is_sparse: false,
            }));
        }
        let Some(next) = found.0.checked_add(1) else {
            return Ok(None);
        };
        link = LinkId(next);
    }
}

fn remote(
    view: &Walking<'_>,
    tag: RemoteTag,
    links: &Links,
    from: &[u8],
) -> Result<Option<Stretch>, StoreError> {
    let from = tagged(view, Index::Remote, tag.0, links, from)?;
    Ok(from.map(|from| Stretch {
        until: link_limit(links, &from),
        from,
        rule: Rule::Remote(tag),
        is_sparse: true,
    }))
}

/// The first key at or behind `from` that an index has under a tag, on one of the links.
fn tagged(
    view: &Walking<'_>,
    index: Index,
    tag: u64,
    links: &Links,
    from: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut from = from.to_vec();
    loop {
        let Some(found) = view.next_tagged(index, tag, &from)? else {
            return Ok(None);
        };
        let link = link_at(found);
        match next_link(links, link) {
            Some(allowed) if allowed == link => return Ok(Some(found.to_vec())),
            Some(allowed) => from = link_start(allowed).to_vec(),
            None => return Ok(None),
        }
    }
}

/// The first key behind `key`.
pub(super) fn behind(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// The link that `from` is in, which may be shorter than a key.
pub(super) fn link_at(from: &[u8]) -> LinkId {
    let mut octets = [0; 4];
    for (to, octet) in octets.iter_mut().zip(from) {
        *to = *octet;
    }
    LinkId(u32::from_be_bytes(octets))
}

/// `link` if it is asked for, else the next one that is.
pub(super) fn next_link(links: &Links, link: LinkId) -> Option<LinkId> {
    match links {
        Links::Any => Some(link),
        Links::Of(links) => {
            let at = links.partition_point(|listed| *listed < link);
            links.get(at).copied()
        }
    }
}

fn link_start(link: LinkId) -> [u8; 4] {
    link.0.to_be_bytes()
}

fn link_end(link: LinkId) -> Option<Vec<u8>> {
    let next = link.0.checked_add(1)?;
    Some(next.to_be_bytes().to_vec())
}

/// Where the link of `key` ends, if not every link is asked for.
fn link_limit(links: &Links, key: &[u8]) -> Option<Vec<u8>> {
    match links {
        Links::Any => None,
        Links::Of(_) => link_end(link_at(key)),
    }
}
