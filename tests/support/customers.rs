//! The tenants of `examples/customers`, beside the upgrade of `examples/shop`.
use std::sync::Arc;

use pilothouse::console::tenants::Tenants;
use pilothouse::plan::Roster;
use pilothouse::spec::units::Time;
use pilothouse::spec::{self, SourceFile};

const FILES: [(&str, &str); 5] = [
    ("fleet.yaml", include_str!("../../examples/shop/fleet.yaml")),
    ("policy.yaml", include_str!("../../examples/shop/policy.yaml")),
    ("upgrade.yaml", include_str!("../../examples/shop/upgrade.yaml")),
    ("calendar.yaml", include_str!("../../examples/customers/calendar.yaml")),
    ("tenants.yaml", include_str!("../../examples/customers/tenants.yaml")),
];

pub fn tenants(now: Time) -> Tenants {
    let files = FILES.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let loaded = spec::load(&files, spec::presets()).unwrap_or_else(|report| panic!("{report}"));
    let bundle = loaded.bundle(None).unwrap_or_else(|report| panic!("{report}"));
    Tenants::new(Arc::new(Roster::of(&loaded, &bundle).unwrap()), now)
}
