//! Two tenants with one object of every kind and somebody of every role, made by API and by commands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::http::{Connection, Request};
use crate::server::Server;

/// Who there is in a tenant.
pub(super) const ROLES: &[&str] = &["reseller", "customer", "domain", "auditor", "account"];

/// The keys, and a way to make things.
#[derive(Debug)]
pub(super) struct OperatorClient<'a> {
    server: &'a Server,
    connection: Connection,
    /// `login:key` of each caller.
    keys: BTreeMap<String, String>,
}

impl<'a> OperatorClient<'a> {
    /// With an operator's key.
    pub(super) fn open(server: &'a Server) -> Self {
        let mut operator = Self { server, connection: Connection::to(server.web()), keys: BTreeMap::new() };
        operator.admin("operator", "root@operator.example.test", &[]);
        operator
    }

    fn admin(&mut self, caller: &str, email: &str, options: &[&str]) {
        self.server.done(&[&["admin", "create", email], options].concat());
        let key = self.server.done(&["apikey", "create", email, "--login-key-only"]);
        self.keys.insert(caller.to_owned(), key.trim().to_owned());
    }

    /// A request of this caller; `nobody` has no key.
    pub(super) fn request(&self, caller: &str, method: &str, target: &str, body: &str) -> Request {
        let mut headers = vec![
            ("Host", self.server.web().to_string()),
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", body.len().to_string()),
        ];
        if let Some(key) = self.keys.get(caller) {
            headers.push(("Authorization", format!("ApiKey {key}")));
        }
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    /// Makes an object as the operator and hands it back.
    fn made(&mut self, target: &str, body: &Value) -> Value {
        let request = self.request("operator", "POST", target, &body.to_string());
        let answer = self.connection.ask(&request).unwrap_or_else(|why| panic!("POST {target}: {why}"));
        assert!((200..300).contains(&answer.status), "POST {target} {body}: {} {}", answer.status, answer.text());
        answer.json().unwrap_or(Value::Null)
    }
}

/// A reseller with everything below it.
#[derive(Debug)]
pub(super) struct Tenant {
    marker: String,
    numbers: BTreeMap<String, u64>,
}

impl Tenant {
    /// Makes it; `marker` is in the names of all that it has.
    pub(super) fn found(operator: &mut OperatorClient<'_>, marker: &str) -> Self {
        let mut tenant = Self::with(marker, &[]);
        let reseller = tenant.make(operator, "reseller", json!({"name": format!("{marker}-reseller")}));
        let customer = json!({"name": format!("{marker}-customer"), "reseller": tenant.place("reseller")});
        tenant.make(operator, "customer", customer);
        let domain = json!({"name": tenant.domain_name(), "customer": tenant.place("customer")});
        tenant.make(operator, "domain", domain);
        let of_domain = tenant.place("domain");
        // Somebody before her, behind whom a list may begin.
        let first = json!({"localpart": format!("{marker}-abe"), "domain": of_domain, "create_opt": "generate_pwd"});
        operator.made("/api/v1/email_account/", &first);
        let account = json!({"localpart": format!("{marker}-ann"), "domain": of_domain, "create_opt": "generate_pwd"});
        tenant.make(operator, "email_account", account);
        let of_account = tenant.place("email_account");
        for (resource, body) in [
            ("localpart_alias", json!({"localpart": format!("{marker}-annie"), "email_account": of_account})),
            ("domain_alias", json!({"name": format!("{marker}-alias.example.test"), "domain": of_domain})),
            ("mail_server", json!({"server": format!("mx.{marker}.example.test"), "domain": of_domain})),
            ("wblist", json!({"wb": "b", "email": format!("spam@{marker}.example.test"), "domain": of_domain})),
        ] {
            tenant.make(operator, resource, body);
        }
        for parent in ["reseller", "customer", "domain", "email_account"] {
            let body = json!({"email": format!("contact@{marker}.example.test"), parent: tenant.place(parent)});
            tenant.make(operator, &format!("contact_{parent}"), body);
        }
        let branding =
            reseller["branding_info"].as_str().and_then(|place| place.trim_end_matches('/').rsplit('/').next());
        tenant.set("brandinginfo", branding.and_then(|number| number.parse().ok()).expect("a branding_info"));
        for (resource, of) in
            [("policy_domain", "domain"), ("policy_user", "email_account"), ("domain_with_alias", "domain")]
        {
            tenant.set(resource, tenant.numbers[of]);
        }
        tenant.people(operator);
        tenant
    }

    /// One that has these objects.
    pub(super) fn with(marker: &str, numbers: &[(&str, u64)]) -> Self {
        let numbers = numbers.iter().map(|&(resource, number)| (resource.to_owned(), number)).collect();
        Self { marker: marker.to_owned(), numbers }
    }

    fn make(&mut self, operator: &mut OperatorClient<'_>, resource: &str, body: Value) -> Value {
        let made = operator.made(&format!("/api/v1/{resource}/"), &body);
        self.set(resource, made["id"].as_u64().unwrap_or_else(|| panic!("{resource} without a number: {made}")));
        made
    }

    fn set(&mut self, resource: &str, number: u64) {
        self.numbers.insert(resource.to_owned(), number);
    }

    /// Somebody of every role, with a key; one more admin is of the reseller and of the customer.
    fn people(&mut self, operator: &mut OperatorClient<'_>) {
        let (marker, domain) = (self.marker.clone(), self.domain_name());
        let scopes = [
            ("reseller", vec!["--reseller".to_owned(), format!("{marker}-reseller")]),
            ("customer", vec!["--customer".to_owned(), format!("{marker}-customer")]),
            ("domain", vec!["--domain".to_owned(), domain.clone()]),
            ("auditor", vec!["--customer".to_owned(), format!("{marker}-customer"), "--auditor".to_owned()]),
        ];
        for (role, options) in scopes {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            operator.admin(&self.caller(role), &format!("{role}-admin@{domain}"), &options);
        }
        let email = json!({"email": format!("shared-admin@{domain}")});
        for scope in ["reseller", "customer"] {
            let made = operator.made(&format!("/api/v1/admins/{scope}/{}/", self.numbers[scope]), &email);
            self.set("admins", made["id"].as_u64().expect("an admin's number"));
        }
        // An offer to the operator's own login.
        let offered = json!({"email": "root@operator.example.test"});
        let target = format!("/api/v1/admins/customer/{}/", self.numbers["customer"]);
        let request = operator.request(&self.caller("customer"), "POST", &target, &offered.to_string());
        let made = operator.connection.ask(&request).expect("an answer").json().expect("an admin");
        self.set("memberships", made["id"].as_u64().expect("an admin's number"));
        let place = format!("{}regenerate_api_key/", self.place("email_account"));
        let key = operator.made(&place, &Value::Null)["api_key"].as_str().unwrap_or_default().to_owned();
        operator.keys.insert(self.caller("account"), format!("{marker}-ann@{domain}:{key}"));
    }

    /// The caller of this role.
    pub(super) fn caller(&self, role: &str) -> String {
        format!("{} of {}", role, self.marker)
    }

    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    pub(super) fn domain_name(&self) -> String {
        format!("{}.example.test", self.marker)
    }

    pub(super) fn has(&self, resource: &str) -> bool {
        self.numbers.contains_key(resource)
    }

    /// The number of its object of this kind.
    pub(super) fn number(&self, resource: &str) -> Option<String> {
        self.numbers.get(resource).map(u64::to_string)
    }

    /// Parameters of lists that name its objects, or a place in its lists.
    pub(super) fn parameters(&self) -> Vec<String> {
        let number = |resource| self.numbers.get(resource).copied().unwrap_or_default();
        let (domain, account) = (number("domain"), number("email_account"));
        let mut parameters = vec![
            format!("q={}", self.marker),
            format!("domain={}", self.domain_name()),
            format!("domain__name={}", self.domain_name()),
            format!("name={}", self.domain_name()),
            format!("localpart={}-ann", self.marker),
            format!("id__in={account},{domain}"),
        ];
        for resource in ["reseller", "customer", "domain", "email_account"] {
            parameters.push(format!("{resource}={}", number(resource)));
        }
        for after in account.saturating_sub(1)..=account {
            parameters.push(format!("limit=1000&after={after}"));
            parameters.push(format!("domain={domain}&limit=1000&after={after}"));
        }
        parameters
    }

    /// The address of its object of this kind.
    pub(super) fn place(&self, resource: &str) -> String {
        format!("/api/v1/{resource}/{}/", self.number(resource).unwrap_or_default())
    }
}
