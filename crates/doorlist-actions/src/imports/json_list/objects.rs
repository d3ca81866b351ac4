//! Objects of JSON as records of keys and values, whatever holds them: an array, a key of a document, or one line each.
//! Each is let go before the next one is read.

use doorlist_core::address::is_cleaned;
use doorlist_core::file_list::{NotAList, RecordTable};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Keys of documents that hold the objects: Google's directory, Microsoft Graph, SCIM, LDAP tools.
const WRAPPERS: [&str; 16] = [
    "users",
    "value",
    "data",
    "objects",
    "items",
    "resources",
    "results",
    "records",
    "entries",
    "list",
    "rows",
    "accounts",
    "mailboxes",
    "recipients",
    "result",
    GROUPS,
];
/// The one among them whose objects are distribution lists.
const GROUPS: &str = "groups";
/// Keys that say that other pages follow.
const NEXT_PAGE: [&str; 4] = ["nextpagetoken", "@odata.nextlink", "nextlink", "next"];
/// Keys of an inner object that are the value of the outer key: `"emails": [{"address": "ann@example.test"}]`.
const VALUES: [&str; 6] = ["value", "address", "email", "mail", "smtpaddress", "proxyaddressstring"];
/// The key of texts that stand alone, with an address in them or without.
const ALONE: (&str, &str) = ("email", "local_part");
/// Keys that our own form of pushed data has.
const OWN: [&str; 4] = ["email", "aliases", LIST, "disabled"];
/// The one that says that an object is a distribution list.
const LIST: &str = "distribution_list";

/// What was read of a text so far.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) table: RecordTable,
    /// Keys and values of the object that has not ended.
    pending: Vec<(String, String)>,
    /// Texts of an array that belong to the object around it.
    late: Vec<(String, String)>,
    /// Objects and texts that stand alone.
    pub(super) count: u64,
    /// Objects that our own form does not say wholly.
    pub(super) others: u64,
    /// The text is one page of several.
    pub(super) has_next_page: bool,
    /// Invisible characters are removed, so many until now.
    cleaned: Option<u64>,
    /// The text has an address somewhere.
    has_addresses: bool,
    full: Option<NotAList>,
}

/// Why no objects were read from the text.
pub(super) enum JsonFault {
    Json(serde_json::Error),
    List(NotAList),
}

impl Objects {
    /// Reads all values of the text, of which there is one, or one in each line.
    pub(super) fn read(text: &str, cleaned: Option<u64>) -> Result<Self, JsonFault> {
        let mut objects = Self { cleaned, has_addresses: text.contains('@'), ..Self::default() };
        let mut json = serde_json::Deserializer::from_str(text);
        loop {
            let read = Node { objects: &mut objects, place: Place::Top }.deserialize(&mut json);
            if let Some(full) = objects.full.take() {
                return Err(JsonFault::List(full));
            }
            read.map_err(JsonFault::Json)?;
            if json.end().is_ok() {
                return Ok(objects);
            }
        }
    }

    pub(super) fn cleaned(&self) -> u64 {
        self.cleaned.unwrap_or_default()
    }

    fn put(&mut self, key: &str, value: &str) {
        let value = match &mut self.cleaned {
            Some(removed) if value.contains(is_cleaned) => {
                *removed += value.chars().filter(|c| is_cleaned(*c)).count() as u64;
                Cow::Owned(value.replace(is_cleaned, ""))
            }
            _ => Cow::Borrowed(value),
        };
        // Of what is inside a field of addresses, other texts say how it is used.
        let outer = key.split('.').next().unwrap_or(key);
        if outer.len() == key.len() || value.contains('@') || !RecordTable::is_known(outer) {
            self.pending.push((key.to_owned(), value.into_owned()));
        }
    }

    fn end_or_fail<E: Error>(&mut self) -> Result<(), E> {
        self.end().map_err(|full| {
            self.full = Some(full);
            E::custom("too many records")
        })
    }

    /// Ends an object, which becomes a record.
    fn end(&mut self) -> Result<(), NotAList> {
        let is_own = |(key, value): &(String, String)| {
            OWN.contains(&key.as_str()) || (!value.contains('@') && !RecordTable::is_known(key))
        };
        self.count += 1;
        self.others += u64::from(!self.pending.iter().all(is_own));
        for (key, value) in self.pending.drain(..) {
            // The kinds of recipients have names elsewhere.
            let value = if key == LIST && value == "true" { "list" } else { &value };
            self.table.put(&key, value);
        }
        self.table.end()
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place<'k> {
    /// At the top of the text.
    Top,
    /// Behind a key that may hold objects.
    Wrapper(&'k str),
    /// In the array of such a key. `alone`: texts in it are no part of the object around it.
    Element { key: &'k str, alone: bool },
    /// In an array at the top.
    Item,
    /// Behind any other key.
    Key(&'k str),
}

/// A value of JSON and what is known of it.
struct Node<'o, 'k> {
    objects: &'o mut Objects,
    place: Place<'k>,
}

impl Node<'_, '_> {
    fn scalar<E: Error>(self, value: &str) -> Result<(), E> {
        let objects = self.objects;
        let is_address = |objects: &Objects| value.contains('@') || !objects.has_addresses;
        match self.place {
            Place::Key(key) | Place::Wrapper(key) => objects.put(key, value),
            Place::Element { key, alone } if !alone || !is_address(objects) => {
                // It belongs to the object around the array.
                objects.put(key, value);
                objects.late.append(&mut objects.pending);
            }
            Place::Top | Place::Item | Place::Element { .. } => {
                objects.put(if objects.has_addresses { ALONE.0 } else { ALONE.1 }, value);
                return objects.end_or_fail();
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(if value { "true" } else { "false" })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(&value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let objects = self.objects;
        if let Place::Key(_) = self.place {
            while list.next_element_seed(Node { objects: &mut *objects, place: self.place })?.is_some() {}
            return Ok(());
        }
        let around = std::mem::take(&mut objects.pending);
        let place = match self.place {
            Place::Wrapper(key) => {
                let alone = !key.eq_ignore_ascii_case(GROUPS) && !has_address(&around);
                Place::Element { key, alone }
            }
            _ => Place::Item,
        };
        while list.next_element_seed(Node { objects: &mut *objects, place })?.is_some() {}
        objects.pending = around;
        objects.pending.append(&mut objects.late);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let objects = self.objects;
        let is_outer = matches!(self.place, Place::Top | Place::Wrapper(_));
        let around = if let Place::Key(_) = self.place { Vec::new() } else { std::mem::take(&mut objects.pending) };
        if let Place::Element { key, .. } = self.place
            && key.eq_ignore_ascii_case(GROUPS)
        {
            objects.put(LIST, "true");
        }
        let before = objects.count;
        while let Some(key) = map.next_key::<String>()? {
            if is_outer && is_one_of(&key, &NEXT_PAGE) {
                objects.has_next_page |= map.next_value::<Option<IgnoredAny>>()?.is_some();
                continue;
            }
            let path = self.place.inner(&key);
            let place = if is_outer && is_one_of(&key, &WRAPPERS) { Place::Wrapper(&key) } else { Place::Key(&path) };
            map.next_value_seed(Node { objects: &mut *objects, place })?;
        }
        let has_objects = objects.count > before;
        match self.place {
            Place::Key(_) => return Ok(()),
            // Of a document that holds objects, the rest says how many they are.
            Place::Top | Place::Wrapper(_) if has_objects && !has_address(&objects.pending) => objects.pending.clear(),
            Place::Wrapper(_) if !has_objects => {}
            _ => objects.end_or_fail()?,
        }
        let inner = std::mem::replace(&mut objects.pending, around);
        objects.pending.extend(inner);
        Ok(())
    }
}

impl Place<'_> {
    /// The key of what stands behind `key` in an object here.
    fn inner<'k>(&self, key: &'k str) -> Cow<'k, str> {
        match self {
            Place::Key(outer) if is_one_of(key, &VALUES) => Cow::Owned((*outer).to_owned()),
            Place::Key(outer) => Cow::Owned(format!("{outer}.{key}")),
            _ => Cow::Borrowed(key),
        }
    }
}

fn has_address(fields: &[(String, String)]) -> bool {
    fields.iter().any(|(_, value)| value.contains('@'))
}

/// Names of keys differ in case between systems.
fn is_one_of(key: &str, known: &[&str]) -> bool {
    known.iter().any(|known| key.eq_ignore_ascii_case(known))
}
