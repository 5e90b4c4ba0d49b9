//! A configuration of Kea as a tree in which everything knows its place.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::kea_config::error::{ConfigError, Place};
use crate::kea_config::tokens::{Load, Token, Tokens, syntax};

/// How deep maps and lists may nest.
const MAX_DEPTH: usize = 100;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    String(String),
    List(Vec<Node>),
    /// Keys with their places, in the file's order.
    Map(Vec<(String, Place, Node)>),
}

impl Value {
    /// What kind of value it is, for error messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Real(_) => "a number with a point",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads the whole of a configuration.
pub(super) fn parse<'a>(
    file: Arc<Path>,
    octets: Vec<u8>,
    load: &'a mut Load<'a>,
) -> Result<Node, ConfigError> {
    let mut tokens = Tokens::new(file, octets, load);
    let first = tokens.next()?;
    let node = value(first, &mut tokens, 0)?;
    match tokens.next()? {
        (Token::End, _) => Ok(node),
        (token, place) => Err(expected("the end of the file", &token, place)),
    }
}

fn value(
    (token, place): (Token, Place),
    tokens: &mut Tokens<'_>,
    depth: usize,
) -> Result<Node, ConfigError> {
    if depth > MAX_DEPTH {
        return Err(syntax(place, "maps and lists are nested too deeply"));
    }
    let value = match token {
        Token::Open => Value::Map(map(tokens, depth)?),
        Token::OpenList => Value::List(list(tokens, depth)?),
        Token::String(string) => Value::String(string),
        Token::Integer(number) => Value::Integer(number),
        Token::Real(number) => Value::Real(number),
        Token::Bool(value) => Value::Bool(value),
        Token::Null => Value::Null,
        token => return Err(expected("a value", &token, place)),
    };
    Ok(Node { place, value })
}

fn map(tokens: &mut Tokens<'_>, depth: usize) -> Result<Vec<(String, Place, Node)>, ConfigError> {
    let mut entries: Vec<(String, Place, Node)> = Vec::new();
    let mut lines = HashMap::new();
    loop {
        let (token, place) = skip_commas(tokens, entries.is_empty())?;
        let key = match token {
            Token::Close => return Ok(entries),
            Token::String(key) => key,
            token => return Err(expected("a key in quotes or }", &token, place)),
        };
        if let Some(before) = lines.insert(key.clone(), place.line) {
            let what = format!("`{key}` stands here again; first on line {before}");
            return Err(syntax(place, &what));
        }
        match tokens.next()? {
            (Token::Colon, _) => {}
            (token, place) => return Err(expected(":", &token, place)),
        }
        let first = tokens.next()?;
        let node = value(first, tokens, depth + 1)?;
        entries.push((key, place, node));
        if end_of_element(tokens, &Token::Close, ", or }")? {
            return Ok(entries);
        }
    }
}

fn list(tokens: &mut Tokens<'_>, depth: usize) -> Result<Vec<Node>, ConfigError> {
    let mut nodes = Vec::new();
    loop {
        let first = skip_commas(tokens, nodes.is_empty())?;
        if first.0 == Token::CloseList {
            return Ok(nodes);
        }
        nodes.push(value(first, tokens, depth + 1)?);
        if end_of_element(tokens, &Token::CloseList, ", or ]")? {
            return Ok(nodes);
        }
    }
}

/// The next token, behind commas too many, which Kea forgives after an element.
fn skip_commas(tokens: &mut Tokens<'_>, is_first: bool) -> Result<(Token, Place), ConfigError> {
    loop {
        let next = tokens.next()?;
        if next.0 != Token::Comma || is_first {
            return Ok(next);
        }
    }
}

/// Takes the comma after an element, or the end of all; true at the end.
fn end_of_element(
    tokens: &mut Tokens<'_>,
    end: &Token,
    what: &'static str,
) -> Result<bool, ConfigError> {
    match tokens.next()? {
        (Token::Comma, _) => Ok(false),
        (token, _) if token == *end => Ok(true),
        (token, place) => Err(expected(what, &token, place)),
    }
}

fn expected(what: &str, found: &Token, place: Place) -> ConfigError {
    syntax(place, &format!("expected {what}, found {}", found.show()))
}

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        let mut load = |path: &Path| match path.to_str() {
            Some("etc/part.json") => Ok(b"// a part\n\"a\": 1,\n".to_vec()),
            Some("/abs") => Ok(b"[ 5 ]".to_vec()),
            Some("etc/self") => Ok(b"<?include \"self\"?>".to_vec()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        parse(
            Path::new("etc/kea.conf").into(),
            text.as_bytes().to_vec(),
            &mut load,
        )
        .map_err(|error| error.to_string())
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::List(nodes) => {
                format!("[{}]", nodes.iter().map(show).collect::<Vec<_>>().join(" "))
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, place, node)| format!("{key}@{}={}", place.line, show(node)))
                    .collect();
                format!("{{{}}}", entries.join(" "))
            }
            value => format!("{value:?}@{}", node.place.line),
        }
    }

    #[test]
    fn reads_json_with_what_kea_adds_to_it() {
        let text = "// one\n# two\n{ /* three\n */ \"a\": [1, -2.5, TRUE, null,],\n \"b\": \"x\\u00e9\\n\\\"\",, }\n";
        assert_eq!(
            show(&read(text).unwrap()),
            "{a@4=[Integer(1)@4 Real(-2.5)@4 Bool(true)@4 Null@4] b@5=String(\"xé\\n\\\"\")@5}"
        );
        assert_eq!(
            show(&read("\"\\ud83d\\ude00\"").unwrap()),
            "String(\"😀\")@1"
        );
    }

    #[test]
    fn includes_files_relative_to_the_including_one() {
        let node = read("{ <?include \"part.json\"?>\n \"b\":\n<?include \"/abs\"?> }").unwrap();
        assert_eq!(show(&node), "{a@2=Integer(1)@2 b@2=[Integer(5)@1]}");
        let Value::Map(entries) = &node.value else {
            panic!()
        };
        assert_eq!(entries[0].1.to_string(), "etc/part.json:2");
        let error = read("\n<?include \"none\"?>").unwrap_err();
        assert!(
            error.starts_with("etc/kea.conf:2: cannot read the included file etc/none: "),
            "{error}"
        );
        let error = read("<?include \"self\"?>").unwrap_err();
        assert_eq!(error, "etc/self:1: more than 10 files include each other");
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        let deep = "[".repeat(200);
        let cases = [
            ("{\n\"a\" 1}", "2: expected :, found 1"),
            ("{\"a\": 1\n\"b\": 2}", "2: expected , or }, found \"b\""),
            (
                "{\"a\": 1,\n\"a\": 2}",
                "2: `a` stands here again; first on line 1",
            ),
            ("[1, 2", "1: expected , or ], found the end of the file"),
            ("[,1]", "1: expected a value, found ,"),
            ("{} x", "1: `x` is no value"),
            ("{} 1", "1: expected the end of the file, found 1"),
            ("\n/* open", "2: this comment is never closed"),
            ("\"open", "1: this string is never closed"),
            ("\"\\x\"", "1: an unknown escape in this string"),
            ("\"\\ud83d\"", "1: a wrong \\u escape in this string"),
            ("\"a\nb\"", "1: a control character in this string"),
            ("<?inclde \"x\"?>", "1: expected <?include \"FILE\"?>"),
            ("{ <?> }", "1: expected <?include \"FILE\"?>"),
            ("nan", "1: `nan` is no value"),
            ("", "1: expected a value, found the end of the file"),
            (&deep, "1: maps and lists are nested too deeply"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                read(text).unwrap_err(),
                format!("etc/kea.conf:{expected}"),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_octets_make_the_parser_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(Path::new("x").into(), octets, &mut |_| Err(io::Error::from(io::ErrorKind::NotFound)));
        }

        #[test]
        fn no_mixture_of_its_signs_makes_the_parser_panic(text in "[\\[\\]{}:,\"\\\\u0-9dDaA/*#<?> \n-]{0,80}") {
            let _ = read(&text);
        }

        #[test]
        fn strings_survive_being_written_as_json(string in any::<String>()) {
            let text = serde_json::to_string(&string).unwrap();
            prop_assert_eq!(read(&text).unwrap().value, Value::String(string));
        }
    }
}
