//! How fast a large directory is read, beside ldapsearch on the same server: `cargo run --release --example speed`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use doorlist_core::connection::{DirectoryConnection, DirectoryServer, DirectoryTls, LdapBind, Preset, Trust};
use doorlist_sources::{ReadMode, ReadTerms, Secret};
use doorlist_testbed::openldap::{OpenLdap, Setup};
use std::process::{Command, Stdio};
use std::time::Instant;

const ENTRIES: u32 = 100_000;
const ADDRESSES: u32 = 3;
const ROUNDS: usize = 3;

fn main() {
    let server = OpenLdap::large(&Setup::default(), ENTRIES, ADDRESSES).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let terms = ReadTerms { allowed: vec!["127.0.0.1/32".parse().unwrap()], ..ReadTerms::default() };
    let password = Secret::new(server.password()).unwrap();
    let domain = "example.test".parse().unwrap();
    for round in 1..=ROUNDS {
        let began = Instant::now();
        let status = Command::new("ldapsearch")
            .args(["-x", "-LLL", "-H", &server.url(), "-D", server.bind_dn(), "-w", server.password()])
            .args(["-b", server.base(), "-E", "pr=1000/noprompt", "(|(mail=*)(proxyAddresses=*))"])
            .args(["mail", "proxyAddresses", "objectClass", "entryUUID"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        println!("{round}: ldapsearch {:.2} s ({status})", began.elapsed().as_secs_f64());
        for (url, tls) in [(server.url(), DirectoryTls::Plain), (server.ldaps_url(), DirectoryTls::Ldaps)] {
            let servers = DirectoryServer::parse_list(&url, tls).unwrap();
            let bind = LdapBind::Simple { name: server.bind_dn().to_owned() };
            let mut connection = DirectoryConnection::new(servers, bind, server.base().to_owned(), Preset::OpenLdap);
            connection.trust = Trust::Ca(server.ca_pem());
            connection.allow_plain_password = true;
            let began = Instant::now();
            let reading = doorlist_sources::read(&connection, Some(&password), &domain, &[], ReadMode::Full, &terms);
            let read = runtime.block_on(reading).unwrap();
            let (entries, rows) = (read.entries, read.rows.len());
            println!("{round}: {tls:?} {:.2} s ({entries} entries, {rows} addresses)", began.elapsed().as_secs_f64());
        }
    }
}
