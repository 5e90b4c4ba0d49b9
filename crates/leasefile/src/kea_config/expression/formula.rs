//! A test of a class as a formula, and the members that it comes to.

/// How many members a formula may come to; each `or` within an `and` multiplies them.
const MAX_MEMBERS: usize = 64;

/// How many octets they may come to; each `not` around an `or` repeats what is in it.
const MAX_OCTETS: usize = 64 * 1024;

/// A setting of a member: its key, and its value in TOML.
pub(super) type Setting = (&'static str, String);

#[derive(Clone, Debug)]
pub(super) enum Formula {
    Holds(Setting),
    Not(Box<Formula>),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

/// One formula of several, or the only one.
pub(super) fn one_or(mut all: Vec<Formula>, join: fn(Vec<Formula>) -> Formula) -> Formula {
    if all.len() == 1 {
        return all.remove(0);
    }
    join(all)
}

/// What must hold, and what must not.
#[derive(Clone, Debug, Default)]
pub(super) struct Conjunction {
    holds: Vec<Setting>,
    unless: Vec<String>,
}

impl Conjunction {
    pub(super) fn show(&self) -> String {
        let mut settings: Vec<String> = Vec::new();
        let mut unless = self.unless.clone();
        for (at, (key, value)) in self.holds.iter().enumerate() {
            let setting = format!("{key} = {value}");
            if self.holds[..at].iter().any(|(before, _)| before == key) {
                // A table has each key once; what must not not hold, holds.
                unless.push(format!("{{ unless = [{{ {setting} }}] }}"));
            } else {
                settings.push(setting);
            }
        }
        if !unless.is_empty() {
            settings.push(format!("unless = [{}]", unless.join(", ")));
        }
        format!("{{ {} }}", settings.join(", "))
    }

    fn octets(&self) -> usize {
        let holds = self
            .holds
            .iter()
            .map(|(key, value)| key.len() + value.len());
        holds.chain(self.unless.iter().map(String::len)).sum()
    }
}

/// The conjunctions of which one is enough.
pub(super) fn alternatives(formula: &Formula) -> Result<Vec<Conjunction>, String> {
    let found = match formula {
        Formula::Holds(setting) => vec![Conjunction {
            holds: vec![setting.clone()],
            unless: Vec::new(),
        }],
        Formula::Not(inner) => {
            let unless = alternatives(inner)?;
            vec![Conjunction {
                holds: Vec::new(),
                unless: unless.iter().map(Conjunction::show).collect(),
            }]
        }
        Formula::Any(all) => {
            let mut found = Vec::new();
            for one in all {
                found.extend(alternatives(one)?);
            }
            found
        }
        Formula::All(all) => {
            let mut found = vec![Conjunction::default()];
            for one in all {
                found = both(&found, &alternatives(one)?)?;
            }
            found
        }
    };
    within_bounds(found)
}

fn both(left: &[Conjunction], right: &[Conjunction]) -> Result<Vec<Conjunction>, String> {
    if left.len().saturating_mul(right.len()) > MAX_MEMBERS {
        return within_bounds(vec![Conjunction::default(); MAX_MEMBERS + 1]);
    }
    let pairs = left
        .iter()
        .flat_map(|one| right.iter().map(move |other| (one, other)));
    let joined = pairs.map(|(one, other)| Conjunction {
        holds: [&one.holds[..], &other.holds].concat(),
        unless: [&one.unless[..], &other.unless].concat(),
    });
    within_bounds(joined.collect())
}

fn within_bounds(found: Vec<Conjunction>) -> Result<Vec<Conjunction>, String> {
    if found.len() > MAX_MEMBERS {
        return Err(format!("it comes to more than {MAX_MEMBERS} alternatives"));
    }
    if found.iter().map(Conjunction::octets).sum::<usize>() > MAX_OCTETS {
        return Err(format!("it comes to more than {MAX_OCTETS} octets"));
    }
    Ok(found)
}
