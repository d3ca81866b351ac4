//! Operations that belong to no resource table: actions, lists below objects, admins, pushes, commands.

pub(super) struct Operation {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) id: &'static str,
    /// The resource whose number stands in the path.
    pub(super) resource: &'static str,
    pub(super) summary: &'static str,
    /// Parameters, and whether they must be there.
    pub(super) query: &'static [(&'static str, bool)],
    /// The schema of the body.
    pub(super) body: Option<&'static str>,
    /// The status of success, and the schema of its body; none: empty.
    pub(super) success: (u16, &'static str),
}

const fn action(
    path: &'static str,
    id: &'static str,
    resource: &'static str,
    summary: &'static str,
    body: Option<&'static str>,
    success: (u16, &'static str),
) -> Operation {
    Operation { path, method: "post", id, resource, summary, query: &[], body, success }
}

const fn below(path: &'static str, id: &'static str, resource: &'static str, schema: &'static str) -> Operation {
    let summary = "List the objects below";
    Operation { path, method: "get", id, resource, summary, query: &[], body: None, success: (200, schema) }
}

pub(super) const OPERATIONS: &[Operation] = &[
    action(
        "/api/v1/email_account/mass_add/",
        "email_account_mass_add",
        "email_account",
        "Create many accounts of a domain; existing ones do not change",
        Some("MassAdd"),
        (202, "MassAdded"),
    ),
    Operation {
        path: "/api/v1/email_account/mass_delete/",
        method: "delete",
        id: "email_account_mass_delete",
        resource: "email_account",
        summary: "Delete many accounts",
        query: &[("id__in", true)],
        body: None,
        success: (204, ""),
    },
    action(
        "/api/v1/email_account/{id}/mass_add_aliases/",
        "email_account_mass_add_aliases",
        "email_account",
        "Add aliases to an account",
        Some("MassAliases"),
        (202, ""),
    ),
    action(
        "/api/v1/email_account/{id}/users_to_alias/",
        "email_account_users_to_alias",
        "email_account",
        "Turn accounts into aliases of this one; all addresses stay accepted meanwhile",
        Some("UsersToAlias"),
        (202, ""),
    ),
    action(
        "/api/v1/email_account/{id}/regenerate_api_key/",
        "email_account_regenerate_api_key",
        "email_account",
        "Replace the API key of the account; the key is shown once",
        None,
        (202, "Key"),
    ),
    action(
        "/api/v1/domain/{id}/email_accounts/mass_add/",
        "domain_email_accounts_mass_add",
        "domain",
        "Not supported: always 501",
        None,
        (501, ""),
    ),
    below("/api/v1/reseller/{id}/contacts/", "reseller_contacts", "reseller", "List"),
    below("/api/v1/customer/{id}/contacts/", "customer_contacts", "customer", "List"),
    below("/api/v1/customer/{id}/domains/", "customer_domains", "customer", "List"),
    below("/api/v1/domain/{id}/contacts/", "domain_contacts", "domain", "List"),
    below("/api/v1/admins/reseller/{reseller}/", "admins_of_reseller", "reseller", "List"),
    below("/api/v1/admins/customer/{customer}/", "admins_of_customer", "customer", "List"),
    action(
        "/api/v1/admins/reseller/{reseller}/",
        "admins_of_reseller_create",
        "reseller",
        "Create an admin. Idempotent",
        Some("NewAdmin"),
        (201, "admins"),
    ),
    action(
        "/api/v1/admins/customer/{customer}/",
        "admins_of_customer_create",
        "customer",
        "Create an admin. Idempotent",
        Some("NewAdmin"),
        (201, "admins"),
    ),
    below("/api/v1/admins/reseller/{reseller}/admin/{admin}/", "admin_of_reseller", "reseller", "admins"),
    below("/api/v1/admins/customer/{customer}/admin/{admin}/", "admin_of_customer", "customer", "admins"),
    Operation {
        path: "/api/v1/admins/reseller/{reseller}/admin/{admin}/",
        method: "delete",
        id: "admin_of_reseller_delete",
        resource: "reseller",
        summary: "Remove an admin",
        query: &[],
        body: None,
        success: (204, ""),
    },
    Operation {
        path: "/api/v1/admins/customer/{customer}/admin/{admin}/",
        method: "delete",
        id: "admin_of_customer_delete",
        resource: "customer",
        summary: "Remove an admin",
        query: &[],
        body: None,
        success: (204, ""),
    },
    action(
        "/api/v1/admins/reseller/{reseller}/admin/{admin}/regenerate_api_key/",
        "admin_of_reseller_regenerate_api_key",
        "reseller",
        "Replace the API key of the admin; the key is shown once",
        None,
        (202, "Key"),
    ),
    action(
        "/api/v1/admins/customer/{customer}/admin/{admin}/regenerate_api_key/",
        "admin_of_customer_regenerate_api_key",
        "customer",
        "Replace the API key of the admin; the key is shown once",
        None,
        (202, "Key"),
    ),
    below("/api/v1/memberships/", "memberships", "memberships", "List"),
    action(
        "/api/v1/memberships/{id}/accept/",
        "memberships_accept",
        "memberships",
        "Accept an offered membership for the caller's login; its existing keys gain no permissions",
        None,
        (202, ""),
    ),
    action(
        "/api/v1/memberships/{id}/decline/",
        "memberships_decline",
        "memberships",
        "Decline an offered or leave an accepted membership of the caller's login",
        None,
        (204, ""),
    ),
    Operation {
        path: "/api/v1/wblist/mass_delete/",
        method: "delete",
        id: "wblist_mass_delete",
        resource: "wblist",
        summary: "Delete many sender rules",
        query: &[("id__in", true)],
        body: None,
        success: (204, ""),
    },
    Operation {
        path: "/api/v1/ldapsync/remote_data/",
        method: "post",
        id: "ldapsync_remote_data",
        resource: "domain",
        summary: "Replace the accounts of a domain: add new ones, remove missing ones. A push that a limit stops waits for \
                  a person: 202 with a Warning and held in the body, or 409 with on_hold=error",
        query: &[
            ("domain", true),
            ("test_run", false),
            ("on_hold", false),
            ("push", false),
            ("part", false),
            ("parts", false),
        ],
        body: Some("Push"),
        success: (200, "Anything"),
    },
    action(
        "/api/v1/command/",
        "command",
        "command",
        "Run a command of `doorlist --server`",
        Some("Anything"),
        (200, "Anything"),
    ),
];
