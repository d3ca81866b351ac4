//! Certificates for the peers: a CA of the test, and valid and invalid certificates of it.

use anyhow::{Result, anyhow};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// What is wrong, or not, with the certificate that a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// Nothing: its authority is the peer's, its names and its days are right.
    #[default]
    Good,
    /// It ended years ago.
    Expired,
    /// It names another host.
    WrongHost,
    /// An authority signed it that nobody knows.
    UnknownAuthority,
}

/// A certificate with its key, both PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate of the server.
    pub certificate_pem: String,
    /// Its private key, PKCS#8.
    pub key_pem: String,
}

/// A certificate authority that lives as long as the test.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// Fails if no key can be generated.
    pub fn new() -> Result<Self> {
        let mut params = params("Authority of the tests", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, which a client has to trust.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server of these names, host names or IP addresses, with what shall be wrong with it.
    ///
    /// # Errors
    /// Fails if a name is invalid.
    pub fn issue(&self, names: &[&str], shown: Shown) -> Result<Issued> {
        let names = if shown == Shown::WrongHost { &["somewhere-else.example.test"] } else { names };
        let first = names.first().ok_or_else(|| anyhow!("a certificate for no name"))?;
        let mut params = params(first, names)?;
        if shown == Shown::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate()?;
        let certificate = match shown {
            Shown::UnknownAuthority => params.signed_by(&key, &Self::new()?.0)?,
            Shown::Good | Shown::Expired | Shown::WrongHost => params.signed_by(&key, &self.0)?,
        };
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

fn params(common_name: &str, names: &[&str]) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}
