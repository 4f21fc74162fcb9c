//! One file per command; wires adapters to ports.
//!
//! # Layout
//! - [`args`] what can be typed; [`main`] takes it to its command
//! - [`demo`], [`live`] runs: on the practice cluster, on a real one; [`session`] drives one, seen or headless
//! - the other commands, one file each
mod accept;
pub mod args;
pub mod audit;
pub mod campaign;
pub mod clock;
pub mod compat;
pub mod contracts;
pub mod demo;
pub mod files;
pub mod gate_try;
pub mod keys;
pub mod live;
pub mod out;
pub mod place;
pub mod plan;
pub mod plan_compat;
pub mod registry;
pub mod runs;
pub mod schema;
pub mod screen;
pub mod session;
pub mod spectate;
pub mod tenants;
pub mod themes;
mod together;
mod typed;
pub mod validate;
pub mod verdict;
pub mod versions;
mod when;
pub mod windows;
pub mod windows_list;

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::{CommandFactory, Parser};
use tokio::time::Instant;

use args::{AuditCommand, Cli, Command, FileCommand, GateCommand, Global, TextOrJson};
use live::Exit;
use out::Out;

/// What somebody who types the bare name should try first.
const FIRST: &str = "\
Pilothouse watches a live, zero-downtime upgrade of many services, and steers it.

Try first:
  pilothouse demo                       nine services on the built-in practice cluster, one of them bad
  pilothouse demo --list                what else can happen there
  pilothouse validate -f FOLDER         say everything that is wrong with your files
  pilothouse watch -f FOLDER            your own cluster: preview, then `start`

`pilothouse --help` lists every command.
";

/// Runs the command line; gives the exit code of the process. `give_back` returns unused memory to the system; it is called
/// now and then while a command stays.
pub fn main(give_back: fn()) -> i32 {
    crate::cluster::connect::install_crypto();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() { 1 } else { 0 };
            let _ = e.print();
            return code;
        }
    };
    if let Err(e) = log(&cli.global) {
        session::say(&format!("pilothouse: {e:#}"));
        return 1;
    }
    match command(cli, give_back) {
        Ok(code) => code,
        Err(Exit { code, error }) => {
            session::say(&format!("pilothouse: {error:#}"));
            code
        }
    }
}

fn command(cli: Cli, give_back: fn()) -> Result<i32, Exit> {
    let global = cli.global;
    match cli.command {
        None => Ok(said(&mut Out::new(std::io::stdout()), FIRST, 0)?),
        Some(Command::Demo(args)) if args.list => Ok(said(&mut Out::new(std::io::stdout()), &demo::list(), 0)?),
        Some(Command::Demo(args)) => Ok(on_runtime(demo::demo(args, &global), give_back)??),
        Some(Command::Practice(args)) => Ok(on_runtime(demo::practice(args), give_back)??),
        Some(Command::Watch { files }) => on_runtime(live::watch(files, &global), give_back)?,
        Some(Command::Run { files, contracts, headless }) => {
            on_runtime(live::run(&files, &contracts, &headless, &global), give_back)?
        }
        Some(Command::Resume { run, headless, options }) => {
            on_runtime(live::resume(run.as_deref(), headless, &options, &global), give_back)?
        }
        Some(other) => Ok(still(other, &global)?),
    }
}

/// Commands that need no runtime: they read files and print.
fn still(command: Command, global: &Global) -> Result<i32> {
    let mut out = Out::new(std::io::stdout().lock());
    let code = answer(command, global, &mut out)?;
    out.flush().context("standard output cannot be written")?;
    Ok(code)
}

fn answer(command: Command, global: &Global, out: &mut dyn Write) -> Result<i32> {
    match command {
        Command::Validate { files, output } => {
            let output = match output {
                TextOrJson::Text => validate::Output::Text,
                TextOrJson::Json => validate::Output::Json,
            };
            Ok(validate::validate(&files.files, output, out)?)
        }
        Command::Plan { files, contracts, output } => {
            let (mut plan, roster) = verdict::plan_of(&files, &contracts, global)?;
            // A plan can be looked at where no run could be kept.
            if let Ok(state_dir) = place::state_dir(global.state_dir.as_deref()) {
                when::learn(&mut plan, &state_dir);
            }
            let earlier = plan::earlier(&plan, global);
            let beside = plan::Beside { earlier: &earlier, tenants: roster.as_ref(), now: clock::soon() };
            write!(out, "{}", plan::show(&plan, beside, output))?;
            Ok(0)
        }
        Command::Campaign(args) => campaign::campaign(&args, global, clock::wall(), out),
        Command::Windows(args) if !args.files.is_empty() => {
            windows_list::list(&args, clock::soon(), out)?;
            Ok(0)
        }
        Command::Windows(args) => {
            let question = windows::question(&args, clock::soon())?;
            said(out, &windows::answer(&question, args.output), 0)
        }
        Command::Runs { output } => {
            let (text, code) =
                runs::runs(&place::state_dir(global.state_dir.as_deref())?, output, screen::zone(global)?.0);
            said(out, &text, code)
        }
        Command::Audit(what) => {
            let (text, code) = look_back(what, global)?;
            said(out, &text, code)
        }
        Command::Gate(GateCommand::Try { file, policy, gate, samples, output }) => {
            try_gate(out, &file, policy.as_deref(), &gate, &samples, output)
        }
        Command::Keys { what } => said(out, &shipped(what, keys::list, keys::print, keys::check)?, 0),
        Command::Themes { what } => said(out, &shipped(what, themes::list, themes::print, themes::check)?, 0),
        Command::Versions(args) => versions::versions(&args, global, out),
        Command::Compat(what) => compat::run(what, global, out),
        Command::Schema { preset: None } => schema::schema(out).map(|()| 0).map_err(Into::into),
        Command::Schema { preset: Some(name) } => schema::preset(&name, out).map(|()| 0).map_err(Into::into),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pilothouse", &mut text);
            out.write_all(&text)?;
            Ok(0)
        }
        Command::Man => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            out.write_all(&text)?;
            Ok(0)
        }
        // Taken care of before: they need a runtime.
        Command::Demo(_)
        | Command::Practice(_)
        | Command::Watch { .. }
        | Command::Run { .. }
        | Command::Resume { .. } => Ok(1),
    }
}

fn look_back(what: AuditCommand, global: &Global) -> Result<(String, i32)> {
    let state_dir = place::state_dir(global.state_dir.as_deref())?;
    Ok(match what {
        AuditCommand::Verify { run, output } => audit::verify(&state_dir, run.as_deref(), output),
        AuditCommand::Show { run, output } => audit::show(&state_dir, run.as_deref(), output, screen::zone(global)?.0),
    })
}

/// What is built in, of a kind of file that people may also write themselves.
fn shipped(
    what: Option<FileCommand>,
    list: fn() -> String,
    print: fn(&str) -> Result<&'static str>,
    check: fn(&Path) -> Result<String>,
) -> Result<String> {
    match what {
        None | Some(FileCommand::List) => Ok(list()),
        Some(FileCommand::Print { name }) => print(&name).map(str::to_string),
        Some(FileCommand::Check { file }) => check(&file),
    }
}

/// Prints an answer where it belongs: on standard output when all is well or something was found, else on the other.
fn said(out: &mut dyn Write, text: &str, code: i32) -> Result<i32> {
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    if code == 1 {
        session::say(format!("pilothouse: {text}").trim_end_matches('\n'));
    } else {
        write!(out, "{text}{end}")?;
    }
    Ok(code)
}

fn try_gate(
    out: &mut dyn Write,
    file: &Path,
    policy: Option<&str>,
    gate: &str,
    samples: &Path,
    output: gate_try::Output,
) -> Result<i32> {
    let loaded = validate::load_to_try(&[file.to_path_buf()]).map_err(|r| anyhow!("{r}"))?;
    if !loaded.warnings.is_empty() {
        session::say(&loaded.warnings.to_string());
    }
    let policy = match policy {
        Some(name) => loaded.policy(name).with_context(|| format!("{} has no policy `{name}`", file.display()))?,
        None => match loaded.policies.as_slice() {
            [one] => one,
            [] => return Err(anyhow!("{} holds no Policy", file.display())),
            many => {
                let names: Vec<&str> = many.iter().map(|p| p.name.as_str()).collect();
                return Err(anyhow!(
                    "{} holds several policies; choose one with --policy: {}",
                    file.display(),
                    names.join(", ")
                ));
            }
        },
    };
    let text = if samples == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else {
        std::fs::read_to_string(samples).with_context(|| format!("{} cannot be read", samples.display()))?
    };
    let said = gate_try::gate_try(policy, gate, &text, output).map_err(|e| anyhow!("{}: {e}", samples.display()))?;
    write!(out, "{said}")?;
    if !said.ends_with('\n') && !said.is_empty() {
        writeln!(out)?;
    }
    Ok(0)
}

/// "File size limit exceeded"; the same number on Linux (but for MIPS) and macOS.
const SIGXFSZ: i32 = 25;

/// How often unused memory is given back; the first time after most of the looks before a start.
const GIVE_BACK: Duration = Duration::from_secs(30);
const FIRST_GIVE_BACK: Duration = Duration::from_secs(3);

fn on_runtime<T>(work: impl Future<Output = T>, give_back: fn()) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no threads for the runtime")?;
    let result = runtime.block_on(async {
        // A write past `ulimit -f` then fails like one on a full disk, which the journal survives, and kills nobody.
        let _kept = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(SIGXFSZ));
        let thrifty = tokio::spawn(async move {
            let mut turns = tokio::time::interval_at(Instant::now() + FIRST_GIVE_BACK, GIVE_BACK);
            loop {
                turns.tick().await;
                give_back();
            }
        });
        let result = work.await;
        thrifty.abort();
        result
    });
    // A request that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(result)
}

/// The log of the program itself, to a file only: the screen is not its place.
fn log(global: &Global) -> Result<()> {
    let Some(path) = &global.log_file else { return Ok(()) };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("--log-file {} cannot be written", path.display()))?;
    let level = tracing_subscriber::EnvFilter::try_from_env("PILOTHOUSE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(level).with_writer(std::sync::Mutex::new(file)).init();
    Ok(())
}
