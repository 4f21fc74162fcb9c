//! `pilothouse watch` seen from outside: first frame, and what a quiet screen costs, with 9 and with 92 services.
//!
//! `cargo bench --bench watch`. The practice cluster is served by this process, so that its cost is not counted; the
//! program runs in a pseudo-terminal of 100x30. Linux only: CPU and memory are read from `/proc`. Figures of a busy
//! machine say nothing.
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pilothouse::practice::{Config, Fixture, Scenario, Server, ServiceSpec, Shared, World, drive};
use portable_pty::{Child, CommandBuilder, MasterPty, NativePtySystem, PtySize, PtySystem};

const COLUMNS: u16 = 100;
const ROWS: u16 = 30;
/// How long a state is looked at.
const LOOK: Duration = Duration::from_secs(30);
/// Times the first frame is waited for.
const STARTS: usize = 10;

fn main() {
    // `cargo test --benches` asks for nothing to be measured.
    if std::env::args().any(|a| a == "--test" || a == "--list") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for count in [9, 92] {
        let place = Place::new(count);
        let _guard = runtime.enter();
        let server = runtime.block_on(place.serve());
        std::thread::sleep(Duration::from_secs(2));
        let mut first: Vec<Duration> = (0..STARTS).map(|_| Watch::start(&place).first_frame()).collect();
        first.sort();
        println!("{count} services: first frame {:?} median, {:?} best of {STARTS}", first[STARTS / 2], first[0]);
        let mut watch = Watch::start(&place);
        watch.wait_for("waits for start");
        // What was found is drawn once; what comes after it is what a quiet screen costs.
        std::thread::sleep(Duration::from_secs(5));
        watch.cost("ready, before the start");
        watch.keys.write_all(b"S").unwrap();
        std::thread::sleep(Duration::from_secs(1));
        watch.keys.write_all(b"\r").unwrap();
        watch.wait_for("warm");
        std::thread::sleep(Duration::from_secs(10));
        watch.cost("warming");
        server.shutdown();
    }
}

/// A folder with the files of an upgrade of so many services, all at once.
struct Place {
    folder: PathBuf,
    shared: Shared,
}

impl Place {
    fn new(count: usize) -> Place {
        let folder = std::env::temp_dir().join(format!("pilothouse-bench-{}-{count}", std::process::id()));
        std::fs::create_dir_all(folder.join("files")).unwrap();
        let names: Vec<String> = (1..=count).map(|n| format!("service-{n:02}")).collect();
        std::fs::write(folder.join("files/all.yaml"), files(&names)).unwrap();
        let services = names.iter().map(|n| ServiceSpec::new(n, "1.0.0", 3, 20.0)).collect();
        let start_ms = chrono::Utc::now().timestamp_millis();
        let config = Config { scenario: Scenario::Healthy, seed: 7, start_ms };
        Place { folder, shared: Shared::new(World::custom(config, Fixture::of(services, "1.1.0"))) }
    }

    async fn serve(&self) -> Server {
        let server = Server::start(self.shared.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        std::fs::write(self.folder.join("kubeconfig"), server.kubeconfig()).unwrap();
        tokio::spawn(drive(self.shared.clone(), 1.0));
        server
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn files(names: &[String]) -> String {
    const API: &str = "apiVersion: pilothouse.dev/v1alpha1";
    let (mut fleet, mut to) = (String::new(), String::new());
    for n in names {
        let _ = writeln!(fleet, "    - name: {n}\n      workload: {{deployment: {n}, container: app}}");
        let _ = writeln!(fleet, "      traffic: {{httpRoute: {{name: {n}, stable: {n}, next: {n}-next, port: 80}}}}");
        let _ = writeln!(to, "    {n}: {{image: \"registry.example/{n}:1.1.0\"}}");
    }
    format!(
        "{API}\nkind: Fleet\nmetadata: {{name: shop}}\nspec:\n  environments:\n    - name: practice\n      \
         kubernetes: {{context: practice, namespace: shop}}\n  services:\n{fleet}---\n\
         {API}\nkind: Upgrade\nmetadata: {{name: bench}}\nspec:\n  fleet: shop\n  environment: practice\n  \
         policy: erp\n  strategy: canary\n  to:\n{to}"
    )
}

/// What the program has written first, and when each piece of it arrived.
type Came = Arc<Mutex<Vec<(Instant, Vec<u8>)>>>;

/// The program in a terminal.
struct Watch {
    began: Instant,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<AtomicU64>,
    came: Came,
    _master: Box<dyn MasterPty + Send>,
}

impl Watch {
    fn start(place: &Place) -> Watch {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = NativePtySystem::default().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pilothouse"));
        for (name, value) in
            [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8"), ("TZ", "UTC")]
        {
            command.env(name, value);
        }
        let path = |name: &str| place.folder.join(name);
        command.args([Path::new("--kubeconfig"), &path("kubeconfig"), Path::new("--state-dir"), &path("state")]);
        command.args([Path::new("watch"), Path::new("-f"), &path("files")]);
        let (mut reader, keys) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0)));
        let bytes = Arc::new(AtomicU64::new(0));
        let came = Came::default();
        let (seen, counted, pieces) = (screen.clone(), bytes.clone(), came.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                let mut pieces = pieces.lock().unwrap();
                if pieces.len() < 100 {
                    pieces.push((Instant::now(), buffer[..n].to_vec()));
                }
                drop(pieces);
                counted.fetch_add(n as u64, Ordering::Relaxed);
                seen.lock().unwrap().process(&buffer[..n]);
            }
        });
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        Watch { began, child, keys, screen, bytes, came, _master: pair.master }
    }

    fn shows(&self, text: &str) -> bool {
        self.screen.lock().unwrap().screen().contents().contains(text)
    }

    fn wait_for(&self, text: &str) {
        while !self.shows(text) {
            let so_far = || self.screen.lock().unwrap().screen().contents();
            assert!(self.began.elapsed() < Duration::from_secs(120), "`{text}` never came:\n{}", so_far());
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// From the start of the process to the arrival of the last byte of the first whole frame. Looked at afterwards: on two
    /// cores one who looks all the time is in the way.
    fn first_frame(self) -> Duration {
        std::thread::sleep(Duration::from_millis(500));
        let mut screen = vt100::Parser::new(ROWS.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
        for (at, piece) in self.came.lock().unwrap().iter() {
            screen.process(piece);
            if screen.screen().contents().contains("quit") {
                return *at - self.began;
            }
        }
        panic!("no frame within half a second:\n{}", screen.screen().contents());
    }

    /// What the process takes while it stands like this.
    fn cost(&self, what: &str) {
        let pid = self.child.process_id().unwrap();
        let (cpu, bytes, from) = (ticks(pid), self.bytes.load(Ordering::Relaxed), Instant::now());
        std::thread::sleep(LOOK);
        let wall = from.elapsed().as_secs_f64();
        let percent = (ticks(pid) - cpu) as f64 / wall;
        let rate = (self.bytes.load(Ordering::Relaxed) - bytes) as f64 / wall;
        println!(
            "  {what}: {percent:.2} % of a core, {rate:.0} bytes/s to the terminal, {:.1} MiB resident, of which {:.1} are \
             the program's own file",
            resident(pid, "VmRSS:"),
            resident(pid, "RssFile:")
        );
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time so far in clock ticks, of which Linux has 100 a second: so the difference over seconds is per cent.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// In MiB, by the name of the line in `/proc/PID/status`.
fn resident(pid: u32, of: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(of)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
