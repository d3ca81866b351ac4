//! The load's message with a signature that every judge has to check, and the records that it needs.

use crate::load::Message;
use crate::measure::MESSAGE;
use crate::server::must;
use anyhow::{Context as _, Result, anyhow};
use doorlist_testbed::name_server::Record;
use mail_auth::common::crypto::{RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::DkimSigner;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

/// The domain of the load's sender, and the name that it greets with.
const SENDER: &str = "src.example";
const GREETS_AS: &str = "load.test";
const SELECTOR: &str = "s1";
/// RSA keys of this size sign most mail of today.
const KEY_BITS: &str = "2048";
/// Fields that are signed; the number of a message is none of them, so that one signature serves for all.
const SIGNED: [&str; 5] = ["From", "To", "Subject", "Date", "Message-ID"];
/// What must stand in front of each message that arrives: it was judged, and nothing spoke against it.
const PROOF: &[&str] = &["dkim=pass", "dmarc=pass"];

/// The signed message, and what the name server must know of its sender.
pub(super) fn message(work: &Path) -> Result<(Message, Vec<Record>)> {
    let key = work.join("dkim.pem");
    must(
        Command::new("openssl")
            .args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt"])
            .arg(format!("rsa_keygen_bits:{KEY_BITS}"))
            .arg("-out")
            .arg(&key),
    )?;
    let public = must(Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&key))?;
    let public: String = public.lines().filter(|line| !line.starts_with('-')).collect();
    let private = PrivateKeyDer::from_pem_file(&key).with_context(|| format!("cannot read {}", key.display()))?;
    let message = Message::signed(MESSAGE, PROOF, |unsigned| sign(private.clone_key(), unsigned))?;
    let passes = "v=spf1 ip4:127.0.0.0/8 -all";
    let mut records = vec![
        Record::txt(&format!("{SELECTOR}._domainkey.{SENDER}"), &format!("v=DKIM1; k=rsa; p={public}")),
        Record::txt(&format!("_dmarc.{SENDER}"), "v=DMARC1; p=reject"),
    ];
    for name in [SENDER, GREETS_AS] {
        records.extend([Record::txt(name, passes), Record::a(name, Ipv4Addr::LOCALHOST), Record::mx_itself(name)]);
    }
    Ok((message, records))
}

/// The DKIM signature of a message as a header field.
fn sign(key: PrivateKeyDer<'static>, message: &[u8]) -> Result<String> {
    let fault = |error: mail_auth::Error| anyhow!("the message cannot be signed: {error}");
    let key = RsaKey::<Sha256>::from_key_der(key).map_err(fault)?;
    let signer = DkimSigner::from_key(key).domain(SENDER).selector(SELECTOR).headers(SIGNED);
    Ok(signer.sign(message).map_err(fault)?.to_header())
}
