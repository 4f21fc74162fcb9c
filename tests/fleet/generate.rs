//! The files of `examples/fleet-92`: 92 services with contracts, and a release that moves most of them. Two things in it
//! break: `orders` answers with another type under a minor version, and `inventory` drops a column that its old version
//! reads.
use std::collections::BTreeMap;
use std::fmt::Write;

/// Services, those that others call first.
const NAMES: &str = "\
auth sessions users tenants permissions audit-log consent secrets files feature-flags localization scheduler webhooks \
currencies taxes products variants categories brands media prices promotions coupons inventory warehouses suppliers \
purchasing receiving picking packing stock-counts replenishment customers addresses preferences email sms push \
notifications loyalty segments campaigns carts fraud payments wallets orders order-history quotes checkout returns \
refunds subscriptions invoices billing ledger dunning reconciliation accounts-payable accounts-receivable fixed-assets \
bank-feeds payouts carriers labels routes customs shipping tracking delivery-slots reviews recommendations \
search-indexer search support chat employees timesheets leave payroll expenses recruiting reports forecasts dashboards \
exports imports events-archive workflows admin portal gateway";

/// A number that looks drawn and is not.
fn drawn(i: usize, salt: usize, below: usize) -> usize {
    let x = (i as u64 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add((salt as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9));
    ((x ^ (x >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) as usize % below
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Stays,
    Patch,
    Minor,
    Major,
}

struct Service {
    name: &'static str,
    old: String,
    new: String,
    step: Step,
    /// What it calls.
    calls: Vec<usize>,
}

impl Service {
    /// `order-history` to `OrderHistory`.
    fn schema(&self) -> String {
        let upper = |w: &str| w[..1].to_uppercase() + &w[1..];
        self.name.split('-').map(upper).collect()
    }

    fn versions(&self) -> Vec<(&str, bool)> {
        match self.step {
            Step::Stays => vec![(&self.old, false)],
            _ => vec![(&self.old, false), (&self.new, true)],
        }
    }
}

fn services() -> Vec<Service> {
    let names: Vec<&str> = NAMES.split_whitespace().collect();
    assert_eq!(names.len(), 92);
    let service = |(i, name): (usize, &'static str)| {
        let (major, minor, patch) = (1 + drawn(i, 1, 8), drawn(i, 2, 10), drawn(i, 3, 6));
        let step = match name {
            "orders" | "inventory" | "refunds" | "portal" | "payments" => Step::Minor,
            // An event of it loses a field.
            "returns" => Step::Major,
            _ => [Step::Stays, Step::Patch, Step::Minor][drawn(i, 4, 3)],
        };
        let new = match step {
            Step::Stays | Step::Patch => (major, minor, patch + 1),
            Step::Minor => (major, minor + 1, 0),
            Step::Major => (major + 1, 0, 0),
        };
        let mut calls: Vec<usize> =
            (0..2 + drawn(i, 5, 3)).filter(|_| i > 0).map(|n| i - 1 - drawn(i, 6 + n, i.min(25))).collect();
        calls.extend((name == "portal").then(|| names.iter().position(|n| *n == "orders").unwrap()));
        calls.sort_unstable();
        calls.dedup();
        let text = |(major, minor, patch)| format!("{major}.{minor}.{patch}");
        Service { name, old: text((major, minor, patch)), new: text(new), step, calls }
    };
    names.iter().copied().enumerate().map(service).collect()
}

fn head(kind: &str, name: &str) -> String {
    format!("apiVersion: pilothouse.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n")
}

/// Every file by its path below the example.
pub fn files() -> BTreeMap<String, String> {
    let services = services();
    let mut files = BTreeMap::new();
    files.insert("fleet.yaml".into(), fleet(&services));
    files.insert("upgrade.yaml".into(), upgrade());
    files.insert("contracts/compat.yaml".into(), policy());
    files.insert("contracts/releases/2026.4.0.yaml".into(), release(&services));
    for service in &services {
        for (version, new) in service.versions() {
            let folder = format!("contracts/{}/{version}", service.name);
            files.insert(format!("{folder}/service.yaml"), contract(&services, service, version, new));
            files.insert(format!("{folder}/openapi.yaml"), description(service, version, new));
            if let Some((event, schema)) = event(service.name, new) {
                files.insert(format!("{folder}/events/{event}.avsc"), schema);
            }
            for (id, sql) in migrations(service.name).iter().filter(|_| new).map(|m| (m.0, m.2)) {
                files.insert(format!("{folder}/migrations/{id}.sql"), sql.to_string());
            }
        }
    }
    files
}

fn fleet(services: &[Service]) -> String {
    let mut out =
        "# Ninety-two services of an ERP, as they run before release 2026.4.0.\n".to_string() + &head("Fleet", "erp");
    out.push_str("  contracts: contracts\n  environments:\n    - name: staging\n      kubernetes: {context: staging, namespace: erp}\n  services:\n");
    for s in services {
        let n = s.name;
        let critical =
            if matches!(n, "auth" | "gateway" | "payments" | "orders") { "\n      critical: true" } else { "" };
        writeln!(out, "    - name: {n}{critical}\n      version: {}", s.old).unwrap();
        writeln!(out, "      workload: {{deployment: {n}, container: app}}").unwrap();
        writeln!(out, "      traffic: {{httpRoute: {{name: {n}, stable: {n}, next: {n}-next, port: 80}}}}").unwrap();
    }
    out
}

fn upgrade() -> String {
    let body = "  fleet: erp\n  environment: staging\n  policy: erp\n  strategy: canary\n  release: 2026.4.0\n";
    "# Everything goes to what the release lists.\n".to_string() + &head("Upgrade", "release-2026-4-0") + body
}

fn policy() -> String {
    let body = "  events:\n    # Kept for a day only, and read within minutes.\n    CartAbandoned: {retained: false}\n  severities:\n    \
                operation-id-changed: info\n  waivers: []\n";
    "# What weighs how much here, and what is accepted all the same.\n".to_string()
        + &head("CompatPolicy", "erp")
        + body
}

fn release(services: &[Service]) -> String {
    let mut out = head("Release", "2026.4.0");
    out.push_str("  notes: Orders carry their currency; stock is reserved by line.\n  services:\n");
    for s in services {
        writeln!(out, "    {}: {}", s.name, if s.step == Step::Stays { &s.old } else { &s.new }).unwrap();
    }
    out
}

fn contract(services: &[Service], s: &Service, version: &str, new: bool) -> String {
    let mut out = head("Contract", s.name);
    writeln!(out, "  version: {version}\n  image: registry.example/{}:{version}\n  audience: internal", s.name)
        .unwrap();
    if matches!(s.name, "auth" | "payments" | "orders" | "ledger") {
        out.push_str("  tier: core\n");
    }
    if let Some((name, _)) = event(s.name, new) {
        writeln!(out, "  produces: [{name}]").unwrap();
    }
    let read: Vec<&str> = READERS.iter().filter(|(r, _)| *r == s.name).map(|(_, e)| *e).collect();
    if !read.is_empty() {
        writeln!(out, "  consumes: [{}]", read.join(", ")).unwrap();
    }
    if !s.calls.is_empty() {
        out.push_str("  depends:\n");
    }
    for (n, other) in s.calls.iter().map(|i| &services[*i]).enumerate() {
        let major: u64 = other.old.split('.').next().unwrap().parse().unwrap();
        // The new portal shows what only the new orders have.
        let least = if new && s.name == "portal" && other.name == "orders" { &other.new } else { &other.old };
        let below = if other.step == Step::Major { major + 2 } else { major + 1 };
        writeln!(out, "    - service: {}\n      req: \">={least}, <{below}\"", other.name).unwrap();
        let path = other.name;
        let second = [format!("GET /{path}"), format!("POST /{path}")];
        writeln!(out, "      operations: [\"GET /{path}/{{id}}\", {:?}]", second[n % 2]).unwrap();
        if n == 0 {
            writeln!(out, "      calls_per_day: {}", (1 + drawn(n, s.name.len(), 90)) * 10_000).unwrap();
        }
    }
    if s.name == "inventory" {
        let reads = if new { "stock.sku, stock.on_hand" } else { "stock.sku, stock.on_hand, stock.reserved" };
        writeln!(out, "  reads: [{reads}]").unwrap();
    }
    if new && !migrations(s.name).is_empty() {
        out.push_str("  migrations:\n");
        for (_, yaml, _) in migrations(s.name) {
            out.push_str(yaml);
        }
    }
    if new {
        writeln!(out, "  notes: Part of release 2026.4.0.").unwrap();
    }
    out
}

/// Who reads which event.
const READERS: &[(&str, &str)] = &[
    ("billing", "OrderPlaced"),
    ("picking", "OrderPlaced"),
    ("events-archive", "PaymentCaptured"),
    ("ledger", "PaymentCaptured"),
    ("refunds", "ReturnReceived"),
    ("campaigns", "CartAbandoned"),
    ("forecasts", "StockMoved"),
];

fn event(service: &str, new: bool) -> Option<(&'static str, String)> {
    let (event, fields) = match (service, new) {
        // A field with a default: whoever reads may go before or after.
        ("orders", false) => ("OrderPlaced", r#"{"name": "total", "type": "long"}"#),
        ("orders", true) => (
            "OrderPlaced",
            r#"{"name": "total", "type": "long"}, {"name": "currency", "type": "string", "default": "EUR"}"#,
        ),
        ("payments", _) => ("PaymentCaptured", r#"{"name": "amount", "type": "long"}"#),
        // One is taken away: who reads it goes first.
        ("returns", false) => {
            ("ReturnReceived", r#"{"name": "reason", "type": "string"}, {"name": "shelf", "type": "string"}"#)
        }
        ("returns", true) => ("ReturnReceived", r#"{"name": "reason", "type": "string"}"#),
        ("carts", _) => ("CartAbandoned", r#"{"name": "lines", "type": "int"}"#),
        ("inventory", _) => ("StockMoved", r#"{"name": "quantity", "type": "long"}"#),
        _ => return None,
    };
    let fields = fields.replace("}, {", "},\n    {");
    let text = format!(
        "{{\n  \"type\": \"record\",\n  \"name\": \"{event}\",\n  \"namespace\": \"example.erp\",\n  \"fields\": [\n    \
         {{\"name\": \"id\", \"type\": \"string\"}},\n    {fields}\n  ]\n}}\n"
    );
    Some((event, text))
}

/// Id, what is declared, and the SQL.
fn migrations(service: &str) -> Vec<(&'static str, &'static str, &'static str)> {
    match service {
        "inventory" => vec![
            (
                "stock-reservations",
                "    - id: stock-reservations\n      phase: expand\n      description: Reservations get a table of their own.\n      tables: [reservation]\n      estimated: 20s\n      sql: migrations/stock-reservations.sql\n",
                "SET lock_timeout = '500ms';\nCREATE TABLE reservation (\n  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n  sku text NOT NULL,\n  quantity bigint NOT NULL\n);\n",
            ),
            (
                "drop-reserved",
                "    - id: drop-reserved\n      phase: contract\n      description: The old column goes.\n      tables: [stock]\n      rows: 4000000\n      estimated: 5s\n      destructive: true\n      reversible: false\n      drops: [stock.reserved]\n      sql: migrations/drop-reserved.sql\n",
                "SET lock_timeout = '500ms';\nALTER TABLE stock DROP COLUMN reserved;\n",
            ),
        ],
        "orders" => vec![(
            "order-currency",
            "    - id: order-currency\n      phase: expand\n      description: Orders carry their currency.\n      tables: [orders]\n      rows: 12000000\n      estimated: 10s\n      sql: migrations/order-currency.sql\n",
            "SET lock_timeout = '500ms';\nALTER TABLE orders ADD COLUMN currency text;\n",
        )],
        _ => Vec::new(),
    }
}

fn description(s: &Service, version: &str, new: bool) -> String {
    let (path, schema) = (s.name, s.schema());
    let minor = new && s.step == Step::Minor;
    // The breakage under a minor version.
    let total = if minor && s.name == "orders" { "string" } else { "integer" };
    let note = if new { "\n        note: {type: string}" } else { "" };
    let note = if minor { note } else { "" };
    let more = if minor {
        format!(
            "  /{path}/{{id}}/history:\n    parameters: [{{$ref: \"#/components/parameters/id\"}}]\n    get:\n      operationId: \
             {schema}History\n      responses:\n        \"200\":\n          description: What became of it.\n          content:\n            \
             application/json: {{schema: {{type: array, items: {{type: string}}}}}}\n"
        )
    } else {
        String::new()
    };
    format!(
        "\
openapi: 3.0.3
info: {{title: {path}, version: {version}}}
paths:
  /{path}:
    get:
      operationId: list{schema}
      parameters:
        - {{name: limit, in: query, schema: {{type: integer, minimum: 1, maximum: 500}}}}
        - {{name: state, in: query, schema: {{type: string}}}}
      responses:
        \"200\":
          description: All of them, page by page.
          content:
            application/json: {{schema: {{type: array, items: {{$ref: \"#/components/schemas/{schema}\"}}}}}}
    post:
      operationId: create{schema}
      requestBody:
        required: true
        content:
          application/json: {{schema: {{$ref: \"#/components/schemas/New{schema}\"}}}}
      responses:
        \"201\":
          description: The new one.
          content:
            application/json: {{schema: {{$ref: \"#/components/schemas/{schema}\"}}}}
        \"422\": {{description: Something in it is not allowed.}}
  /{path}/{{id}}:
    parameters: [{{$ref: \"#/components/parameters/id\"}}]
    get:
      operationId: get{schema}
      responses:
        \"200\":
          description: One of them.
          content:
            application/json: {{schema: {{$ref: \"#/components/schemas/{schema}\"}}}}
        \"404\": {{description: There is none.}}
{more}components:
  parameters:
    id: {{name: id, in: path, required: true, schema: {{type: string}}}}
  schemas:
    New{schema}:
      type: object
      required: [name]
      properties:
        name: {{type: string, maxLength: 200}}
        total: {{type: integer}}{note}
    {schema}:
      type: object
      required: [id, name, state]
      properties:
        id: {{type: string}}
        name: {{type: string}}
        state: {{type: string}}
        total: {{type: {total}}}
        updatedAt: {{type: string, format: date-time}}{note}
"
    )
}
