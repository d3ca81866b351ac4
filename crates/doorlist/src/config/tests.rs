//! Precedence, origins and errors of the configuration, and that each default of the table is the default of its room.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::keys::KEYS;
use super::{Config, ShowWish, Sources, show};
use doorlist_gateway::config::{Limits, Outbound, RelayConfig};
use doorlist_smtp::server::BareLf;
use doorlist_store::mail_log::MailLogConfig;
use doorlist_store::spool::SpoolConfig;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A folder with a main file and files in `conf.d`.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new(main: &str, drop_ins: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("doorlist.toml"), main).unwrap();
        if !drop_ins.is_empty() {
            fs::create_dir(folder.path().join("conf.d")).unwrap();
        }
        for (name, text) in drop_ins {
            fs::write(folder.path().join("conf.d").join(name), text).unwrap();
        }
        Self { folder }
    }

    fn main(&self) -> PathBuf {
        self.folder.path().join("doorlist.toml")
    }

    fn sources(&self) -> Sources {
        Sources { file: Some(self.main()), ..Sources::default() }
    }

    /// All that is told about an error, with paths as seen from the folder.
    fn error(&self) -> String {
        let text = Config::load(&self.sources()).expect_err("the configuration is wrong").to_string();
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn flags(flags: &[&str]) -> Sources {
    Sources { flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..Sources::default() }
}

#[test]
fn without_any_source_everything_has_its_default() {
    let config = Config::load(&Sources::default()).unwrap();
    let (limits, relay) = (Limits::default(), RelayConfig::default());
    assert_eq!(format!("{:?}", config.gateway.limits), format!("{limits:?}"), "the table repeats the room's defaults");
    assert_eq!(format!("{:?}", config.gateway.relay), format!("{relay:?}"), "the table repeats the room's defaults");
    assert_eq!(format!("{:?}", config.spool), format!("{:?}", SpoolConfig::default()));
    assert_eq!(format!("{:?}", config.mail_log), format!("{:?}", MailLogConfig::default()));
    assert_eq!(config.retention, doorlist_actions::RetentionTerms::default());
    assert_eq!(config.tenants, doorlist_store::limits::CustomerLimits::default());
    assert_eq!(config.state_dir, PathBuf::from("./doorlist-data"));
    assert_eq!(config.gateway.tls.cert, PathBuf::from("./doorlist-data/tls/cert.pem"));
    assert!(config.gateway.tls.self_signed && config.gateway.guard.enabled);
    let listeners: Vec<_> = config.gateway.listeners.iter().map(|listener| listener.address.to_string()).collect();
    assert_eq!(listeners, ["127.0.0.1:2525"]);
    let web: Vec<_> = config.web.iter().map(|web| (web.address.to_string(), web.tls, web.proxy_from.len())).collect();
    assert_eq!(web, [("127.0.0.1:8080".to_owned(), false, 0)]);
    assert_eq!(config.metrics, ["127.0.0.1:9925".parse().unwrap()]);
}

#[test]
fn every_setting_has_a_table_a_default_and_a_sentence() {
    for key in KEYS {
        assert_eq!(key.name.split('.').count(), 2, "{}", key.name);
        assert!(!key.help.is_empty(), "{}", key.name);
        assert_eq!(KEYS.iter().filter(|other| other.name == key.name).count(), 1, "{}", key.name);
    }
}

#[test]
fn flags_stand_over_environment_over_drop_ins_over_the_file() {
    let files = Files::new(
        "[smtp]\nidle = \"1 s\"\nsession_max = \"1 h\"\ndrain = \"1 s\"\nhandshake = \"1 s\"\n",
        &[
            ("20-late.toml", "smtp.session_max = \"3 h\"\n"),
            ("10-early.toml", "smtp.session_max = \"2 h\"\nsmtp.drain = \"2 s\"\n"),
            ("README", "not a setting\n"),
        ],
    );
    let mut sources = files.sources();
    sources.environment = environment(&[("DOORLIST__SMTP__DRAIN", "3 s"), ("HOME", "/nowhere")]).environment;
    sources.environment.push(("DOORLIST__SMTP__IDLE".to_owned(), "3 s".to_owned()));
    sources.flags = flags(&["smtp.idle=4 s"]).flags;
    let limits = Config::load(&sources).unwrap().gateway.limits;
    assert_eq!(limits.handshake, Duration::from_secs(1), "file");
    assert_eq!(limits.session_max, Duration::from_hours(3), "the later drop-in");
    assert_eq!(limits.drain, Duration::from_secs(3), "environment");
    assert_eq!(limits.idle, Duration::from_secs(4), "flag");
}

const PLAIN: ShowWish = ShowWish { origin: false, changed: false, as_objects: false };
const ORIGINS: ShowWish = ShowWish { origin: true, ..PLAIN };

#[test]
fn a_setting_is_shown_with_its_origin_and_without_its_password() {
    let files = Files::new("[smtp]\nidle = \"1 s\"\n", &[("a.toml", "smtp.sessions_max = 7\n")]);
    let mut sources = files.sources();
    sources.environment =
        environment(&[("DOORLIST__STORE__URL", "postgres://doorlist:s3cret@db.example.test/mail")]).environment;
    sources.flags = flags(&["smtp.listen=127.0.0.1:25,[::1]:25"]).flags;
    let text = show(&sources, ORIGINS).unwrap();
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("smtp.idle").ends_with("doorlist.toml:2"), "{text}");
    assert!(line("smtp.sessions_max").ends_with("conf.d/a.toml:1"), "{text}");
    assert!(line("store.url").ends_with("# environment DOORLIST__STORE__URL"), "{text}");
    assert!(line("smtp.listen ").contains("[\"127.0.0.1:25\", \"[::1]:25\"]"), "{text}");
    assert!(line("log.format").ends_with("# default"), "{text}");
    let changed = show(&sources, ShowWish { changed: true, ..PLAIN }).unwrap();
    let names: Vec<_> = changed.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["store.url", "smtp.listen", "smtp.sessions_max", "smtp.idle"], "{changed}");
    assert!(changed.contains("# environment DOORLIST__STORE__URL"), "with their origins: {changed}");
    for text in [
        text,
        show(&sources, ShowWish { as_objects: true, ..PLAIN }).unwrap(),
        format!("{:?}", Config::load(&sources).unwrap()),
    ] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn what_is_shown_can_be_read_back() {
    let shown = show(&Sources::default(), ORIGINS).unwrap();
    let files = Files::new(&shown, &[]);
    assert_eq!(show(&files.sources(), PLAIN).unwrap(), show(&Sources::default(), PLAIN).unwrap());
}

#[test]
fn listeners_have_settings_of_their_own() {
    let files = Files::new(
        "[smtp]\nlisten = [\"[::]:25\", \"127.0.0.1:26 proxy_from=10.0.0.0/8 proxy_from=::1 bare_lf=reject\"]\n\
         listen_tls = \"0.0.0.0:465\"\nproxy_from = [\"192.0.2.1\"]\n",
        &[],
    );
    let listeners = Config::load(&files.sources()).unwrap().gateway.listeners;
    let shape: Vec<_> =
        listeners.iter().map(|l| (l.address.to_string(), l.implicit_tls, l.proxy_from.len(), l.bare_lf)).collect();
    let expected = [
        ("[::]:25".to_owned(), false, 1, BareLf::Normalize),
        ("127.0.0.1:26".to_owned(), false, 2, BareLf::Reject),
        ("0.0.0.0:465".to_owned(), true, 1, BareLf::Normalize),
    ];
    assert_eq!(shape, expected);
}

#[test]
fn web_listeners_have_settings_of_their_own() {
    let files = Files::new(
        "[web]\nlisten = [\"[::]:80\", \"0.0.0.0:443 tls\", \"127.0.0.1:81 proxy_from=10.0.0.0/8 proxy_from=::1\"]\n\
         proxy_from = [\"192.0.2.1\"]\n",
        &[],
    );
    let config = Config::load(&files.sources()).unwrap();
    let shape: Vec<_> = config.web.iter().map(|l| (l.address.to_string(), l.tls, l.proxy_from.len())).collect();
    let expected =
        [("[::]:80".to_owned(), false, 1), ("0.0.0.0:443".to_owned(), true, 1), ("127.0.0.1:81".to_owned(), false, 2)];
    assert_eq!(shape, expected);
    let other = Config::load(&flags(&["web.proxy_from=10.0.0.0/8"])).unwrap();
    let default = Config::load(&Sources::default()).unwrap();
    assert_eq!(default.needs_restart(&other), ["web.proxy_from"]);
}

#[test]
fn the_way_out_is_direct_or_a_smart_host() {
    let outbound =
        |text: &str| Config::load(&flags(&[&format!("relay.outbound={text}")])).unwrap().gateway.relay.outbound;
    let smart = |host: &str, port| Outbound::SmartHost { host: host.to_owned(), port };
    assert_eq!(outbound("direct"), Outbound::Direct);
    assert_eq!(outbound("smart.example.test"), smart("smart.example.test", 25));
    assert_eq!(outbound("[2001:db8::1]:2525"), smart("2001:db8::1", 2525));
}

/// A file -> what is said about it.
const WRONG_FILES: &[(&str, &str)] = &[
    ("[smtp]\nlisen = \"127.0.0.1:25\"\n", "doorlist.toml:2: unknown setting smtp.lisen; did you mean smtp.listen?"),
    ("[smpt]\nlisten = \"127.0.0.1:25\"\n", "doorlist.toml:2: unknown setting smpt.listen; did you mean smtp.listen?"),
    (
        "[smtp]\nidle = 300\n",
        "doorlist.toml:2: smtp.idle: `300` is not a duration; write a number with ms, s, min, h or d, such as `300 s`",
    ),
    ("[smtp]\nidle = [\"1 s\", \"2 s\"]\n", "doorlist.toml:2: smtp.idle: expected one value, not a list"),
    ("[smtp.idle]\nx = 1\n", "doorlist.toml:1: smtp.idle must be a value or a list of values"),
    (
        "[smtp]\nlisten = \"25\"\n",
        "doorlist.toml:2: smtp.listen: `25` is not an address and port such as `0.0.0.0:25` or `[::]:25`",
    ),
    (
        "[smtp]\nlisten = \"[::]:25 tsl\"\n",
        "doorlist.toml:2: smtp.listen: unknown option `tsl`; use tls, bare_lf=normalize|reject or proxy_from=NETWORK",
    ),
    (
        "[web]\nlisten = \"[::]:80 tsl\"\n",
        "doorlist.toml:2: web.listen: unknown option `tsl`; use tls or proxy_from=NETWORK",
    ),
    (
        "[web]\nproxy_from = \"10.0.0.0/33\"\n",
        "doorlist.toml:2: web.proxy_from: `10.0.0.0/33` is not a network such as `192.0.2.0/24`",
    ),
    ("[smtp]\n\nbare_lf = \"keep\"\n", "doorlist.toml:3: smtp.bare_lf: `keep` is neither normalize nor reject"),
    ("[smtp]\nhostname = \"two words\"\n", "doorlist.toml:2: smtp.hostname: `two words` is not a host name"),
    ("[tls]\ncert = \"/a\"\n", "doorlist.toml:2: tls.cert: set both tls.cert and tls.key, or neither"),
    ("[relay]\noutbound = \"a b\"\n", "doorlist.toml:2: relay.outbound: `a b` is neither direct nor HOST[:PORT]"),
    ("[relay]\nconnections_max = 0\n", "doorlist.toml:2: relay.connections_max: `0` is not a number above zero"),
    (
        "[store]\nurl = \"mysql://u:s3cret@db/x\"\n",
        "doorlist.toml:2: store.url: store.url must be `sqlite:`, `sqlite:/a/folder` or `postgres://...`",
    ),
    ("[spool]\nnode = 1024\n", "doorlist.toml:2: spool.node: `1024` is not a number below 1024"),
    ("[log]\nname = \"a b\"\n", "doorlist.toml:2: log.name: `a b` is not a name such as doorlist or postfix/smtpd"),
    (
        "[store]\nurl = \"postgres://u:s3cret@a,b/x\"\n",
        "doorlist.toml:2: store.url: it names several servers: name one, whose address moves to the server that takes \
         writes (Patroni or keepalived), or an HAProxy that leads there",
    ),
    ("[log]\nformat = \"xml\"\n", "doorlist.toml:2: log.format: `xml` is neither text nor json"),
    ("[guard]\nenabled = \"yes\"\n", "doorlist.toml:2: guard.enabled: `yes` is neither true nor false"),
];

#[test]
fn a_wrong_file_is_told_with_its_line() {
    for (text, message) in WRONG_FILES {
        let error = Files::new(text, &[]).error();
        assert_eq!(error, format!("the configuration is invalid; nothing was done:\n  {message}"));
        assert!(!error.contains("s3cret"));
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error = Files::new("smtp.idle = 1\nsmtp.drain = 1\n", &[]).error();
    assert_eq!(error.lines().count(), 3, "{error}");
    let error = Files::new("smtp.x = 1\n", &[("a.toml", "= 1\n"), ("b.toml", "y = 1\n")]).error();
    assert_eq!(error.lines().count(), 4, "{error}");
    assert!(error.contains("conf.d/a.toml:1: "), "{error}");
}

#[test]
fn environment_and_flags_are_checked_like_files() {
    let error = |sources: &Sources| Config::load(sources).expect_err("wrong").to_string();
    let text = error(&environment(&[("DOORLIST__SMTP__LISTENS", "x")]));
    assert!(text.contains("environment DOORLIST__SMTP__LISTENS: unknown setting smtp.listens"), "{text}");
    let text = error(&flags(&["smtp.idle"]));
    assert!(text.contains("--set: `smtp.idle` has no value"), "{text}");
    let text = error(&flags(&["store.url=postgres://u:s3cret@db/x"]));
    assert!(text.contains("store.url may contain a password") && !text.contains("s3cret"), "{text}");
}

#[test]
fn a_missing_file_is_an_error() {
    let sources = Sources { file: Some(PathBuf::from("/nonexistent/doorlist.toml")), ..Sources::default() };
    let text = Config::load(&sources).expect_err("wrong").to_string();
    assert!(text.contains("cannot read /nonexistent/doorlist.toml"), "{text}");
}
