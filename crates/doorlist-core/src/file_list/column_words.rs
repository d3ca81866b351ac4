//! Words of which the names of columns are made, in the languages of the systems that export them: *Alternate Emails*,
//! `mail_alias`, *Weitere E-Mail-Adressen*, *Autres adresses*.

use super::columns::ColumnContent;

/// Octets of a name that is looked at.
const NAME_MAX: usize = 64;

/// What a word adds to the name of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadWord {
    Mail = 1,
    Address = 2,
    Alias = 4,
    /// Not the first address but others.
    Further = 8,
    /// Stands between the others and adds nothing.
    Filler = 16,
}

const MAIL: [&str; 29] = [
    "email",
    "emails",
    "mail",
    "mails",
    "smtp",
    "courriel",
    "courriels",
    "messagerie",
    "électronique",
    "electronique",
    "électroniques",
    "electroniques",
    "correo",
    "correos",
    "electrónico",
    "electronico",
    "electrónicos",
    "electronicos",
    "posta",
    "elettronica",
    "elettronici",
    "eletrônico",
    "eletronico",
    "eletrônicos",
    "eletronicos",
    "epost",
    "sähköposti",
    "mailbox",
    "postfach",
];

const ADDRESS: [&str; 21] = [
    "address",
    "addresses",
    "adresse",
    "adressen",
    "adresses",
    "adres",
    "adress",
    "adresser",
    "dirección",
    "direccion",
    "direcciones",
    "indirizzo",
    "indirizzi",
    "endereço",
    "endereços",
    "endereco",
    "enderecos",
    "adresy",
    "adresa",
    "osoite",
    "osoitteet",
];

const ALIAS: [&str; 9] =
    ["alias", "aliases", "aliase", "aliasse", "aliasname", "aliasnames", "aliasnamen", "aliasen", "aliasy"];

const FURTHER: [&str; 63] = [
    "alternate",
    "alternates",
    "alternative",
    "alternatives",
    "alternativ",
    "alternatif",
    "alternatifs",
    "alternativa",
    "alternativas",
    "alternativo",
    "alternativos",
    "alternativi",
    "alternatieve",
    "secondary",
    "additional",
    "other",
    "others",
    "further",
    "more",
    "extra",
    "weitere",
    "andere",
    "zusätzliche",
    "zusätzl",
    "zusatz",
    "zusaetzliche",
    "sekundäre",
    "sekundaere",
    "zweite",
    "autre",
    "autres",
    "supplémentaire",
    "supplémentaires",
    "supplementaire",
    "supplementaires",
    "secondaire",
    "secondaires",
    "secundario",
    "secundarios",
    "secundaria",
    "secundarias",
    "secundário",
    "secundários",
    "otra",
    "otras",
    "otros",
    "adicional",
    "adicionales",
    "adicionais",
    "altro",
    "altri",
    "altre",
    "secondario",
    "secondari",
    "aggiuntivi",
    "overige",
    "aanvullende",
    "secundaire",
    "secundair",
    "outro",
    "outros",
    "andra",
    "ekstra",
];

const FILLER: [&str; 15] =
    ["id", "of", "de", "del", "di", "da", "der", "des", "primary", "user", "list", "haupt", "principal", "et", "and"];

const WORDS: [(HeadWord, &[&str]); 5] = [
    (HeadWord::Mail, &MAIL),
    (HeadWord::Address, &ADDRESS),
    (HeadWord::Alias, &ALIAS),
    (HeadWord::Further, &FURTHER),
    (HeadWord::Filler, &FILLER),
];

/// What a name (as `heads::normal` gives it) says, if it is made of known words alone.
pub(super) fn field_of(normal: &str) -> Option<ColumnContent> {
    let has = |kinds: u8, word: HeadWord| kinds & word as u8 != 0;
    let kinds = (normal.len() <= NAME_MAX).then(|| kinds(normal, 0)).flatten()?;
    let is_address = has(kinds, HeadWord::Mail) || has(kinds, HeadWord::Address);
    if has(kinds, HeadWord::Alias) || (is_address && has(kinds, HeadWord::Further)) {
        Some(ColumnContent::Alias)
    } else {
        has(kinds, HeadWord::Mail).then_some(ColumnContent::Address)
    }
}

/// An alias column by words that may as well name places where people live: *Weitere Adressen*.
pub(super) fn may_be_street(normal: &str) -> bool {
    let kinds = (normal.len() <= NAME_MAX).then(|| kinds(normal, 0)).flatten();
    kinds.is_some_and(|kinds| kinds & (HeadWord::Mail as u8 | HeadWord::Alias as u8) == 0)
}

/// The kinds of the words that make up `rest`, in all.
fn kinds(rest: &str, seen: u8) -> Option<u8> {
    if rest.is_empty() {
        return Some(seen);
    }
    // `email2address`: numbers other than the first are further ones.
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if !number.is_empty() {
        let word = if number == "1" { HeadWord::Filler } else { HeadWord::Further };
        return kinds(&rest[number.len()..], seen | word as u8);
    }
    let mut all = WORDS.iter().flat_map(|(kind, words)| words.iter().map(move |word| (*kind, *word)));
    all.find_map(|(kind, word)| kinds(rest.strip_prefix(word)?, seen | kind as u8))
}

#[cfg(test)]
mod tests {
    use super::super::heads;
    use super::ColumnContent as C;

    #[test]
    fn names_are_read_in_many_languages() {
        let aliases = "Aliases|mail_alias|E-Mail-Aliase|Alternate Emails|Secondary Email|Other e-mail addresses|\
            Weitere Adressen|Weitere E-Mail-Adressen|alternate_email_1|Alias 2|Autres adresses|Adresse e-mail secondaire|\
            Alias de messagerie|Correos secundarios|Otras direcciones|Direcciones de correo adicionales|\
            Altri indirizzi e-mail|E-mail secondari|Overige e-mailadressen|Outros e-mails|Endereços alternativos|\
            E-mail alternativo|Zusätzliche Mailadressen|Andra e-postadresser";
        for name in aliases.split('|') {
            assert_eq!(heads::field_of(&heads::normal(name)), Some(C::Alias), "{name}");
        }
        let addresses = "E-Mail|E-Mail-Adresse|Adresse e-mail|Adresse électronique|Courriel|Correo electrónico|\
            Dirección de correo electrónico|Indirizzo e-mail|Posta elettronica|E-mailadres|Endereço de e-mail|\
            E-postadress|Primary e-mail address|Haupt-E-Mail|Mailbox|Postfach";
        for name in addresses.split('|') {
            assert_eq!(heads::field_of(&heads::normal(name)), Some(C::Address), "{name}");
        }
        for name in "Mailing address|Adresse|Name|Email usage|Mail server|2|Weitere|id|Other|Postadresse".split('|') {
            assert_eq!(heads::field_of(&heads::normal(name)), None, "{name}");
        }
        for name in "Kennwort|Mot de passe|Contraseña|Senha|Wachtwoord|userPassword|unicodePwd|Client secret".split('|')
        {
            assert_eq!(heads::field_of(&heads::normal(name)), Some(C::Password), "{name}");
        }
        assert_eq!(heads::field_of(&heads::normal("Secretary e-mail")), None);
        assert_eq!(heads::field_of(&"mail".repeat(1000)), None);
    }
}
