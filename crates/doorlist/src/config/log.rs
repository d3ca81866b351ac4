//! How the log looks: `log.format`, `log.name`.

use super::Config;
use doorlist_gateway::journal::{JournalFormat, LineRenderer};

/// Characters of the program's name.
const NAME_MAX: usize = 64;

impl Config {
    /// How lines of the log look.
    pub(crate) fn log_lines(&self) -> LineRenderer {
        LineRenderer::new(self.log_format, &self.gateway.hostname, &self.log_name)
    }
}

pub(super) fn format(text: &str) -> Result<JournalFormat, String> {
    match text {
        "text" => Ok(JournalFormat::Text),
        "json" => Ok(JournalFormat::Json),
        _ => Err(format!("`{text}` is neither text nor json")),
    }
}

/// As Postfix's `syslog_name`, or with the part that takes mail, as log readers ask for it: `postfix/smtpd`.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix("/smtpd").unwrap_or(text);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(fits) {
        return Err(format!("`{text}` is not a name such as doorlist or postfix/smtpd"));
    }
    Ok(name.to_owned())
}
