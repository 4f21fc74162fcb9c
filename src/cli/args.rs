//! What can be typed: one definition feeds the parser, `--help`, the man page and completions.
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::clock::Speed;
use crate::spec::units::Dur;

/// Watch a live, zero-downtime upgrade of many services, and steer it.
#[derive(Debug, Parser)]
#[command(name = "pilothouse", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Where runs and their journals are kept [default: $XDG_STATE_HOME/pilothouse or ~/.local/state/pilothouse]
    #[arg(long, global = true, env = "PILOTHOUSE_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Kubeconfig file [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; wins over the Fleet's
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Look, but send no command
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Theme: a shipped name (`pilothouse themes list`) or a file
    #[arg(long, global = true, env = "PILOTHOUSE_THEME", value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// Keymap: a shipped name (`pilothouse keys list`) or a file
    #[arg(long, global = true, env = "PILOTHOUSE_KEYMAP", value_name = "NAME|FILE")]
    pub keymap: Option<String>,
    /// Glyphs the terminal can draw [default: what the locale allows]
    #[arg(long, global = true, env = "PILOTHOUSE_GLYPHS", value_enum)]
    pub glyphs: Option<Glyphs>,
    /// Time zone to show times in, by IANA name [default: the machine's]
    #[arg(long, global = true, env = "PILOTHOUSE_ZONE", value_name = "ZONE")]
    pub zone: Option<String>,
    /// Write a log for finding faults in Pilothouse itself; level by PILOTHOUSE_LOG
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Glyphs {
    Unicode,
    Blocks,
    Ascii,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch an upgrade of nine services on the built-in practice cluster
    Demo(DemoArgs),
    /// Serve the practice cluster for kubectl and Prometheus, until stopped
    Practice(PracticeArgs),
    /// Say everything that is wrong with some files
    Validate {
        #[command(flatten)]
        files: Files,
        #[arg(short, long, value_enum, default_value_t)]
        output: TextOrJson,
    },
    /// Show waves, steps, times, windows and what will be written, without touching anything
    Plan {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        contracts: Contracts,
        #[arg(short, long, value_enum, default_value_t)]
        output: PlanOutput,
    },
    /// Say when a maintenance window is open, when it opens next, and when something fits
    Windows(WindowsArgs),
    /// Plan who is upgraded when, cohort after cohort, and why not earlier
    Campaign(CampaignArgs),
    /// Open the console: preview and `start` for files, or take up a run
    Watch {
        #[command(flatten)]
        files: FilesOrRun,
    },
    /// Run an upgrade without a screen
    Run {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        contracts: Contracts,
        #[command(flatten)]
        headless: Headless,
    },
    /// Take up a run that another process left
    Resume {
        /// The run; left out: the latest that has not ended
        run: Option<String>,
        /// Without a screen
        #[arg(long)]
        headless: bool,
        #[command(flatten)]
        options: Headless,
    },
    /// List runs
    Runs {
        #[arg(short, long, value_enum, default_value_t)]
        output: super::audit::Output,
    },
    /// Look at a run's audit file
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Try a gate on recorded samples
    #[command(subcommand)]
    Gate(GateCommand),
    /// Say whether one version of a contract may follow another
    #[command(subcommand)]
    Compat(CompatCommand),
    /// Show what runs, what is published, and which versions may run beside each other
    Versions(VersionsArgs),
    /// Keymaps: list (also when nothing else is said), print one, check a file
    Keys {
        #[command(subcommand)]
        what: Option<FileCommand>,
    },
    /// Themes: list (also when nothing else is said), print one, check a file
    Themes {
        #[command(subcommand)]
        what: Option<FileCommand>,
    },
    /// Print JSON Schema of the files for editors, or a preset policy to copy
    Schema {
        /// Print this preset policy instead
        #[arg(long, value_name = "NAME")]
        preset: Option<String>,
    },
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// What goes wrong; `--list` says what there is
    #[arg(long, default_value = "error-spike", value_name = "NAME")]
    pub scenario: String,
    /// Decides everything left to chance
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Virtual seconds per second, or `max`
    #[arg(long, value_name = "X|max")]
    pub speed: Option<Speed>,
    /// Lines instead of the screen
    #[arg(long)]
    pub headless: bool,
    #[arg(short, long, value_enum, default_value_t, requires = "headless")]
    pub output: RunOutput,
    /// Say what scenarios there are and how they end
    #[arg(long)]
    pub list: bool,
}

#[derive(Debug, Args)]
pub struct PracticeArgs {
    #[arg(long, default_value = "healthy", value_name = "NAME")]
    pub scenario: String,
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Virtual seconds per second
    #[arg(long, default_value_t = Speed::Times(1.0), value_name = "X")]
    pub speed: Speed,
    /// Address of the API server; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Address pods are scraped at [default: a free port beside --listen]
    #[arg(long, value_name = "ADDR")]
    pub scrape_listen: Option<SocketAddr>,
    /// Write a kubeconfig here
    #[arg(long, value_name = "FILE")]
    pub kubeconfig_out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct WindowsArgs {
    /// File or folder with Tenants and Calendar: list the windows of all; may be given more than once
    #[arg(short = 'f', long = "file", value_name = "PATH", conflicts_with_all = ["zone", "days", "start", "end", "exclude", "season"])]
    pub files: Vec<PathBuf>,
    /// The window's time zone by IANA name, such as Europe/Berlin; never taken for UTC
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Weekdays it opens on, such as Sun or Sat,Sun
    #[arg(long, value_name = "DAY[,DAY]")]
    pub days: Option<String>,
    /// When it opens, in the zone's own time
    #[arg(long, value_name = "HH:MM")]
    pub start: Option<String>,
    /// When it closes; at or before --start means the next day
    #[arg(long, value_name = "HH:MM")]
    pub end: Option<String>,
    /// A date, or a range FIRST..LAST, on which it stays closed; may be given more than once
    #[arg(long, value_name = "DATE")]
    pub exclude: Vec<String>,
    /// Weekdays that are forbidden in some months, such as 05,06:Sat,Sun; may be given more than once
    #[arg(long, value_name = "MM[,MM]:DAY[,DAY]")]
    pub season: Vec<String>,
    /// How long the work takes, such as 2h30m
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub needs: Option<String>,
    /// The instant to answer for, such as 2026-11-22T02:12:00Z [default: now]
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Say rule by rule why it is not allowed, and when it will be
    #[arg(long)]
    pub explain: bool,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: TextOrJson,
}

#[derive(Debug, Args)]
pub struct CampaignArgs {
    /// File or folder with Tenants and Calendar; may be given more than once
    #[arg(short = 'f', long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// How long one tenant takes, such as 90m [default: what `plan` says of the upgrade in the files]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub needs: Option<String>,
    /// When the campaign begins, such as 2026-11-22T02:12:00Z [default: the next full minute]
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Print this tenant only; the plan is that of all
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// Print the tenants of this cohort only; the plan is that of all
    #[arg(long, value_name = "NAME")]
    pub cohort: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: CampaignOutput,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum CampaignOutput {
    #[default]
    Text,
    Json,
    /// The schedule as an iCalendar file
    Ics,
}

#[derive(Debug, Args)]
pub struct Files {
    /// File or folder with Fleet, Policy and Upgrade; may be given more than once
    #[arg(short = 'f', long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Which Upgrade, when the files hold several
    #[arg(long, value_name = "NAME")]
    pub upgrade: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct Contracts {
    /// Folder with contracts [default: the Fleet's `contracts`]
    #[arg(long, value_name = "DIR")]
    pub contracts: Option<PathBuf>,
    /// Where answers of comparisons are kept [default: `cache` in the state folder]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// File or folder with the Fleet; may be given more than once
    #[arg(short = 'f', long = "file", required = true, value_name = "PATH")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub contracts: Contracts,
    /// This service only, its versions against those of its neighbours
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    pub output: TextOrJson,
}

#[derive(Debug, Args)]
pub struct FilesOrRun {
    /// File or folder with Fleet, Policy and Upgrade; may be given more than once
    #[arg(short = 'f', long = "file", value_name = "PATH", required_unless_present = "run", conflicts_with = "run")]
    pub files: Vec<PathBuf>,
    /// Take up this run, or follow it while another process drives it
    #[arg(long, value_name = "RUN", conflicts_with_all = ["contracts", "cache"])]
    pub run: Option<String>,
    /// Which Upgrade, when the files hold several
    #[arg(long, value_name = "NAME", requires = "files")]
    pub upgrade: Option<String>,
    #[command(flatten)]
    pub contracts: Contracts,
}

#[derive(Debug, Clone, Args)]
pub struct Headless {
    #[arg(short, long, value_enum, default_value_t)]
    pub output: RunOutput,
    /// Leave after this long, such as 2h
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Dur>,
    /// What to do when told to leave [default: the policy's, else rollback]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_exit: Option<OnExitArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnExitArg {
    Rollback,
    Hold,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum RunOutput {
    #[default]
    Text,
    /// One JSON object a line
    Jsonl,
    /// At the end, for a CI server
    Junit,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    #[default]
    Text,
    Json,
    /// The waves as a graph, for Graphviz
    Dot,
    /// The waves as a picture
    Svg,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check the chain; exit 0, or 2 with what is wrong
    Verify {
        run: Option<String>,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::audit::Output,
    },
    /// Print the records
    Show {
        run: Option<String>,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::audit::Output,
    },
}

#[derive(Debug, Subcommand)]
pub enum GateCommand {
    /// Say what a gate would have decided
    Try {
        /// File with the policy
        #[arg(short = 'f', long = "file", value_name = "POLICY")]
        file: PathBuf,
        /// Which policy, when the file holds several
        #[arg(long, value_name = "NAME")]
        policy: Option<String>,
        /// Name of the gate in that policy
        #[arg(long, value_name = "NAME")]
        gate: String,
        /// JSON lines, `-` for standard input
        #[arg(long, value_name = "FILE")]
        samples: PathBuf,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::gate_try::Output,
    },
}

#[derive(Debug, Subcommand)]
pub enum CompatCommand {
    /// Check an upgrade of a whole fleet; exit 0 nothing critical, 1 could not read, 2 critical
    Check {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        contracts: Contracts,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::compat::Output,
    },
    /// Compare two OpenAPI or Swagger descriptions; exit 0 nothing critical, 1 could not read, 2 critical
    Openapi {
        /// The version that clients know
        base: PathBuf,
        /// The version that is to follow it
        revision: PathBuf,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::compat::Output,
    },
    /// Compare Avro schemas of an event; exit 0 nothing critical, 1 could not read, 2 critical
    Avro {
        /// What the new version owes to those before it
        #[arg(long, value_enum, default_value_t)]
        mode: super::compat::events::TypedMode,
        /// Versions, the oldest first; the last is the new one
        #[arg(required = true, num_args = 1.., value_name = "SCHEMA")]
        schemas: Vec<PathBuf>,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::compat::Output,
    },
    /// Compare JSON Schemas of an event; exit 0 nothing critical, 1 could not read, 2 critical
    Jsonschema {
        /// What the new version owes to those before it
        #[arg(long, value_enum, default_value_t)]
        mode: super::compat::events::TypedMode,
        /// Versions, the oldest first; the last is the new one
        #[arg(required = true, num_args = 1.., value_name = "SCHEMA")]
        schemas: Vec<PathBuf>,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::compat::Output,
    },
    /// Say what migrations lock, rewrite and take away; exit 0 nothing critical, 1 could not read, 2 critical
    Sql {
        /// Migrations for PostgreSQL, in the order they are run
        #[arg(required = true, num_args = 1.., value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Tables, columns, rows and constraints that are there before, as JSON
        #[arg(long, value_name = "FILE")]
        catalogue: Option<PathBuf>,
        #[arg(short, long, value_enum, default_value_t)]
        output: super::compat::Output,
    },
    /// List every rule with its severity, its reason and an example
    Rules {
        #[arg(short, long, value_enum, default_value_t)]
        output: TextOrJson,
    },
}

#[derive(Debug, Subcommand)]
pub enum FileCommand {
    /// What is built in
    List,
    /// Print a built-in one, to copy and change
    Print { name: String },
    /// Say what is wrong with a file of your own
    Check { file: PathBuf },
}
