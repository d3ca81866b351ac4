//! The upload page as HTML: no scripts, nothing from other hosts, readable without its style. All external text goes
//! through [`escape`].

use super::UPLOAD_FILE_MAX;
use axum::response::Html;
use doorlist_actions::UploadAnswer;
use doorlist_core::visible::visible;
use std::fmt::Write;

pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
p, li { overflow-wrap: anywhere; }
form, .alert, .done { border: 1px solid; border-radius: 0.5rem; padding: 0 1rem; margin: 1.5rem 0; }
.alert { border-width: 3px; }
label { display: block; font-weight: bold; }
input, button { font: inherit; max-width: 100%; }
button { padding: 0.4rem 1.2rem; }
";

/// The files that are understood, for people.
const FORMATS: &str = "\
<ul>
<li>an export of Exchange, Microsoft 365, Google Workspace, Zimbra or another mail system</li>
<li>a table (CSV) with a column of mail addresses</li>
<li>an LDIF file or a Postfix map</li>
<li>a text file with one mail address in each line</li>
</ul>
";

/// Escapes text for HTML, also within quotes. Hidden characters become visible, so that a name cannot change how the
/// text around it is read.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(&text.replace('\n', " ")).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `title` and `content` are HTML already.
pub(crate) fn document(title: &str, content: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"../upload.css\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{content}\
         </main>\n</body>\n</html>\n"
    ))
}

/// The upload form; `alert` says why the last file was not accepted.
pub(super) fn form(domain: &str, alert: Option<&str>) -> Html<String> {
    let domain = escape(domain);
    let mut content = String::new();
    if let Some(why) = alert {
        let why = escape(why);
        let _ = writeln!(content, "<div class=\"alert\" role=\"alert\"><p>The file was not accepted: {why}.</p></div>");
    }
    let _ = writeln!(
        content,
        "<p>Your mail provider asks for a file with all mail addresses of <strong>{domain}</strong>: mailboxes, aliases \
         and distribution lists.</p>\n\
         <form method=\"post\" enctype=\"multipart/form-data\">\n\
         <p><label for=\"file\">File with the addresses</label>\n\
         <input type=\"file\" id=\"file\" name=\"file\" required aria-describedby=\"kinds\"></p>\n\
         <p><button type=\"submit\">Hand in</button></p>\n</form>\n<div id=\"kinds\">"
    );
    content.push_str("<p>Supported files:</p>\n");
    content.push_str(FORMATS);
    let _ = writeln!(
        content,
        "<p>A file may have up to {} MiB. This link accepts one file. Nothing changes until your provider has \
         reviewed it.</p></div>",
        UPLOAD_FILE_MAX >> 20
    );
    document(&format!("Address list of {domain}"), &content)
}

/// The result page of an upload.
pub(super) fn taken(domain: &str, file_name: &str, taken: &UploadAnswer) -> Html<String> {
    let name = if file_name.is_empty() { "the file".to_owned() } else { escape(file_name) };
    let mut content = format!("<div class=\"done\" role=\"status\">\n<p>Thank you: {name} was read.</p>\n<ul>\n");
    if !taken.format.is_empty() {
        let _ = writeln!(content, "<li>Format: {}</li>", escape(&taken.format));
    }
    let _ = writeln!(content, "<li>Addresses: {}</li>", taken.addresses);
    let _ = writeln!(content, "<li>Rows that could not be read: {}</li>\n</ul>", taken.bad_rows);
    content.push_str(match taken.plan {
        Some(_) => "<p>Your provider will review it. You can close this page.</p>\n</div>\n",
        None => "<p>Your provider already has all of these, so nothing changes. You can close this page.</p>\n</div>\n",
    });
    if taken.bad_rows > 0 {
        content.push_str("<p>If rows are missing, ask your provider for another link.</p>\n");
    }
    document(&format!("Address list of {}", escape(domain)), &content)
}

/// The page for every invalid link.
pub(super) fn no_link() -> Html<String> {
    document(
        "This link is no longer valid",
        "<p>It was used, it has expired, or a part of it is missing. Ask your mail provider for a new one.</p>\n",
    )
}

/// The page for an unavailable store.
pub(super) fn away() -> Html<String> {
    document(
        "Not available at the moment",
        "<p>No file can be accepted at the moment. The link stays valid: try again in a few minutes.</p>\n",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorlist_core::visible::is_hidden;

    #[test]
    fn everything_from_outside_is_text() {
        let evil = "<img src=x onerror=alert(1)>\"'&\u{202E}\u{7}\u{9b}\u{200b}";
        let answer = UploadAnswer { plan: None, format: evil.to_owned(), addresses: 1, bad_rows: 1 };
        for Html(page) in [form(evil, Some(evil)), taken(evil, evil, &answer)] {
            assert!(!page.contains("<img") && page.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
            assert!(!page.contains(|c| c != '\n' && is_hidden(c)), "{page}");
        }
    }
}
