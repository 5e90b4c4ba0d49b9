//! Client classes, the lists that name them, and who is in them.
//!
//! A class is read where it stands, but who is in it is known last: reservations put hosts into
//! it, and links, subnets and pools have it evaluated for their clients alone.

mod precedence;

pub(super) use self::precedence::note_precedence;
use crate::kea_config::error::{ConfigError, Place};
use crate::kea_config::expression::{self, Identifier};
use crate::kea_config::json::Node;
use crate::kea_config::model::{Class, KeaConfig, Link, NotCarried};
use crate::kea_config::read::{Reader, read_settings};
use crate::kea_config::section::{Section, string};
use crate::kea_config::write::quoted_text;

/// Characters a name may have.
pub(super) const MAX_NAME: usize = 64;

/// The class that everyone is in.
const EVERYONE: &str = "ALL";

/// What of the classes is not yet known to be theirs.
#[derive(Debug, Default)]
pub(super) struct Classes {
    tested: Vec<Tested>,
    /// What templates take for the names of classes.
    templates: Vec<(String, Identifier)>,
    required: Vec<Required>,
    /// Classes that a guard names and the file does not have.
    missing: Vec<(Place, String, String)>,
    /// The number of the link that is being read.
    pub(super) link: usize,
}

/// A class, and whom its test puts into it.
#[derive(Debug)]
struct Tested {
    name: String,
    place: Place,
    path: String,
    /// Its members by its test; none if it has none, or one that was refused.
    members: Vec<String>,
    has_test: bool,
    /// Whether its members are all of those that its test puts into it, and no others.
    is_said: bool,
    /// Whether it is evaluated where a list of additional classes has it, and nowhere else.
    is_additional: bool,
}

/// A level that has a class evaluated for its clients.
#[derive(Clone, Debug)]
struct Required {
    name: String,
    place: Place,
    path: String,
    link: usize,
    level: Level,
}

/// Where a list of additional classes stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Network,
    Subnet,
    Pool,
}

impl Classes {
    /// A point to go back to if what is being read makes no link.
    pub(super) fn mark(&self) -> usize {
        self.required.len()
    }

    pub(super) fn back_to(&mut self, mark: usize) {
        self.required.truncate(mark);
    }
}

/// A class's name as leasebook has it.
pub(super) fn class_name(name: &str) -> String {
    let printable = name
        .chars()
        .map(|sign| if sign.is_control() { '?' } else { sign });
    printable.take(MAX_NAME).collect()
}

fn has(classes: &[Class], name: &str) -> bool {
    classes.iter().any(|class| class.name == name)
}

/// Reads `client-classes` of the server.
pub(super) fn read_classes(
    dhcp6: &mut Section<'_>,
    reader: &mut Reader,
) -> Result<(), ConfigError> {
    for (node, path) in dhcp6.list("client-classes")? {
        let mut section = Section::new(node, path.clone())?;
        let Some(name) = section.text("name")? else {
            continue;
        };
        let name = class_name(&name);
        let mut definitions = reader.definitions.clone();
        definitions.read(&mut section, &mut reader.config.not_carried)?;
        std::mem::swap(&mut reader.definitions, &mut definitions);
        let settings = read_settings(&mut section, reader);
        std::mem::swap(&mut reader.definitions, &mut definitions);
        let tested = read_test(&name, node, &mut section, reader)?;
        if has(&reader.config.classes, &name) {
            let reason = "a class of that name stands above; give it another name".to_owned();
            reader.refuse(node, &path, reason);
        } else {
            reader.classes.tested.push(tested);
            reader.config.classes.push(Class {
                name,
                members: Vec::new(),
                settings: settings?,
            });
        }
        section.finish(&mut reader.config.not_carried);
    }
    Ok(())
}

/// Whom the tests of a class put into it.
fn read_test(
    name: &str,
    node: &Node,
    section: &mut Section<'_>,
    reader: &mut Reader,
) -> Result<Tested, ConfigError> {
    const NO_ONE: &str = "by it no one is in the class; write its members";
    // Of a class that cannot be said neither those in it are known nor those who are not.
    let above: Vec<&str> = reader
        .classes
        .tested
        .iter()
        .filter(|tested| tested.is_said)
        .map(|tested| tested.name.as_str())
        .collect();
    let not_carried = &mut reader.config.not_carried;
    let (mut members, mut is_said) = (Vec::new(), true);
    let test = section.text("test")?;
    if let Some(test) = &test {
        match expression::members(test, &above) {
            Ok(found) => members = found,
            Err(why) => {
                is_said = false;
                section.cannot_carry("test", format!("{why}; {NO_ONE}"), not_carried);
            }
        }
        if !members.is_empty() && expression::looks_at_relays(test) {
            let reason = "of relays leasebook compares each on the way, not the one of a number: \
                          see that it fits where there is more than one";
            section.cannot_carry("test", reason.to_owned(), not_carried);
        }
    }
    let template = section.text("template-test")?;
    if let Some(template) = &template {
        let read = Identifier::read(template);
        if let Ok(identifier) = &read {
            let template = (name.to_owned(), identifier.clone());
            reader.classes.templates.push(template);
        }
        match read.and_then(|identifier| identifier.exists()) {
            Ok(found) => members.extend(found),
            Err(why) => {
                is_said = false;
                section.cannot_carry("template-test", format!("{why}; {NO_ONE}"), not_carried);
            }
        }
        let reason = "of the classes made of it, those that the file has or names are written; \
                      write one for each other value that matters";
        section.cannot_carry("template-test", reason.to_owned(), not_carried);
    }
    if test.is_none() && template.is_none() {
        members.extend(spawned(name, &reader.classes));
    }
    let is_additional = [
        section.flag("only-if-required")?,
        section.flag("only-in-additional-list")?,
    ];
    Ok(Tested {
        name: name.to_owned(),
        place: node.place.clone(),
        path: section.path_of("test"),
        is_said,
        has_test: test.is_some() || template.is_some() || !members.is_empty(),
        members,
        is_additional: is_additional.contains(&Some(true)),
    })
}

/// The members of a class that a template makes.
fn spawned(name: &str, classes: &Classes) -> Vec<String> {
    let name = name.strip_prefix("SPAWN_").unwrap_or_default();
    let mut templates = classes.templates.iter();
    let found = templates.find_map(|(template, identifier)| {
        let value = name.strip_prefix(template.as_str())?.strip_prefix('_')?;
        identifier.equals(value.as_bytes()).ok()
    });
    found.unwrap_or_default()
}

/// The classes that alone may have something; empty is everyone. A class that is not carried is
/// made, without anyone in it, so that nothing is opened by leaving it out.
pub(super) fn read_guard(
    section: &mut Section<'_>,
    reader: &mut Reader,
) -> Result<Vec<String>, ConfigError> {
    let mut found: Vec<(&Node, String, String)> = Vec::new();
    if let Some(node) = section.take("client-class") {
        let path = section.path_of("client-class");
        found.push((node, path.clone(), string(node, &path)?.to_owned()));
    }
    for (node, path) in section.list("client-classes")? {
        let name = string(node, &path)?.to_owned();
        found.push((node, path, name));
    }
    if found.iter().any(|(.., name)| name == EVERYONE) {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for (node, path, name) in found {
        let name = class_name(&name);
        if name.is_empty() || names.contains(&name) {
            continue;
        }
        if !has(&reader.config.classes, &name) {
            let members = expression::builtin(&name);
            let members = members.unwrap_or_else(|| spawned(&name, &reader.classes));
            let missing = (node.place.clone(), path, name.clone());
            reader.classes.missing.push(missing);
            reader.config.classes.push(Class {
                name: name.clone(),
                members,
                ..Class::default()
            });
        }
        names.push(name);
    }
    Ok(names)
}

/// The classes that are evaluated for the clients of a level.
pub(super) fn read_required(
    section: &mut Section<'_>,
    level: Level,
    reader: &mut Reader,
) -> Result<(), ConfigError> {
    for key in ["require-client-classes", "evaluate-additional-classes"] {
        for (node, path) in section.list(key)? {
            let name = class_name(string(node, &path)?);
            if !has(&reader.config.classes, &name) {
                let reason = format!("class `{name}` is not in this file, and does nothing");
                reader.refuse(node, &path, reason);
                continue;
            }
            reader.classes.required.push(Required {
                name,
                place: node.place.clone(),
                path,
                link: reader.classes.link,
                level,
            });
        }
    }
    Ok(())
}

/// Kea's way to put hosts into classes: the class has one member more.
pub(super) fn put_into_class(name: &str, member: String, classes: &mut Vec<Class>) {
    if name.is_empty() {
        return;
    }
    match classes.iter_mut().find(|class| class.name == name) {
        Some(class) => class.members.push(member),
        None => classes.push(Class {
            name: name.to_owned(),
            members: vec![member],
            ..Class::default()
        }),
    }
}

/// Finds out who is in each class, and which guards hold together.
pub(super) fn settle_classes(reader: &mut Reader) {
    let Reader {
        config, classes, ..
    } = reader;
    for tested in &classes.tested {
        let members = members_of(tested, &classes.required, config);
        let Some(class) = config
            .classes
            .iter_mut()
            .find(|class| class.name == tested.name)
        else {
            continue;
        };
        class.members.splice(..0, members);
        let is_told = tested.has_test && !tested.is_additional;
        if class.members.is_empty() && !is_told {
            let what = if tested.is_additional {
                "no list of additional classes has it evaluated"
            } else {
                "it has no test, and no reservation puts anyone into it"
            };
            config.not_carried.push(NotCarried {
                place: tested.place.clone(),
                key: tested.path.clone(),
                reason: format!("{what}: no one is in the class until you write its members"),
            });
        }
    }
    for (place, path, name) in std::mem::take(&mut classes.missing) {
        let mut known = config.classes.iter();
        let is_empty = known.any(|class| class.name == name && class.members.is_empty());
        if is_empty {
            let reason = format!(
                "class `{name}` is not in this file; no one is in it until you write its members"
            );
            config.not_carried.push(NotCarried {
                place,
                key: path,
                reason,
            });
        }
    }
    join_guards(config);
}

/// The members that a class has by its test; one that is additional, on the links alone that
/// have it evaluated.
fn members_of(tested: &Tested, required: &[Required], config: &mut KeaConfig) -> Vec<String> {
    let mut members = Vec::new();
    if !tested.is_additional {
        members.clone_from(&tested.members);
    }
    let is_asked = tested.is_additional || !tested.has_test;
    for one in required
        .iter()
        .filter(|one| is_asked && one.name == tested.name)
    {
        let Some(link) = config.links.get(one.link) else {
            continue;
        };
        let link_name = quoted_text(&link.name);
        if tested.has_test {
            let on_link = tested.members.iter();
            members.extend(on_link.map(|member| on(member, &link_name)));
        } else {
            members.push(format!("{{ link = {link_name} }}"));
        }
        let is_whole = match one.level {
            Level::Network => true,
            Level::Subnet => link.subnets.len() == 1,
            Level::Pool => false,
        };
        if !is_whole {
            config.not_carried.push(NotCarried {
                place: one.place.clone(),
                key: one.path.clone(),
                reason: format!(
                    "class `{}` holds on all of link {link_name}, in Kea on this part of it; write \
                     its options into options of the pools if that matters",
                    one.name
                ),
            });
        }
    }
    members
}

/// A member, on one link alone.
fn on(member: &str, link_name: &str) -> String {
    let open = member.strip_suffix(" }").unwrap_or(member);
    format!("{open}, link = {link_name} }}")
}

/// A subnet's guard and those around it and in it: Kea asks for all of them.
fn join_guards(config: &mut KeaConfig) {
    let KeaConfig { links, classes, .. } = config;
    for Link {
        classes: of_link,
        subnets,
        ..
    } in links
    {
        if let [subnet] = &mut subnets[..] {
            *of_link = both(of_link, &subnet.classes, classes);
            continue;
        }
        for subnet in subnets {
            for pool in &mut subnet.pools {
                pool.classes = both(&subnet.classes, &pool.classes, classes);
            }
            for pool in &mut subnet.pd_pools {
                pool.classes = both(&subnet.classes, &pool.classes, classes);
            }
        }
    }
}

/// The guard that is two: a class of those in one of each.
fn both(outer: &[String], inner: &[String], classes: &mut Vec<Class>) -> Vec<String> {
    if outer.is_empty() || outer == inner {
        return inner.to_vec();
    }
    if inner.is_empty() {
        return outer.to_vec();
    }
    let name = format!("{} and {}", outer.join(" or "), inner.join(" or "));
    let name = class_name(&name);
    let pairs = outer
        .iter()
        .flat_map(|one| inner.iter().map(move |other| (one, other)));
    let members = pairs.map(|(one, other)| {
        let (one, other) = (quoted_text(one), quoted_text(other));
        format!("{{ class = {one}, unless = [{{ unless = [{{ class = {other} }}] }}] }}")
    });
    let members: Vec<String> = members.collect();
    let known = classes.iter().find(|class| class.name == name);
    if known.is_none_or(|class| class.members != members) {
        // Names that are equal once they are cut are no reason to mix their classes.
        let name = unused_name(&name, &|name| has(classes, name));
        classes.push(Class {
            name: name.clone(),
            members,
            ..Class::default()
        });
        return vec![name];
    }
    vec![name]
}

/// `name`, printable and cut to what is allowed, with a number behind it if it is taken.
pub(super) fn unused_name(name: &str, is_taken: &dyn Fn(&str) -> bool) -> String {
    let name = class_name(name);
    let mut candidate = name.clone();
    let mut number = 2;
    while is_taken(&candidate) {
        let suffix = format!("-{number}");
        candidate = name
            .chars()
            .take(MAX_NAME - suffix.len())
            .collect::<String>()
            + &suffix;
        number += 1;
    }
    candidate
}
