//! Programs that try to get out of the sandbox or to take more than they may. Each test looks at the verdict and at what must
//! not have happened. Without bubblewrap the one thing tested is that nothing is run; with `CURT_REQUIRE_SANDBOX` set, as in
//! CI, that is a failure.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use curt_verify::Verdict;
use curt_verify::code::{CodeOptions, CodeVerifier, Interpreter, Judgement, Limits, StreamTest, Tests};

/// A verifier whose processes can be told from all others by `mark`, which is one of their arguments.
struct Cage {
    verifier: CodeVerifier,
    mark: String,
}

fn limits() -> Limits {
    Limits { cpu_seconds: 2.0, wall_seconds: 8.0, ..Limits::default() }
}

fn cage(name: &str, limits: Limits) -> Option<Cage> {
    let mark = format!(".escape-{name}-{}", std::process::id());
    let interpreter = Interpreter { suffix: mark.clone(), ..Interpreter::default() };
    let verifier = CodeVerifier::new(interpreter, limits, CodeOptions::default());
    match verifier.available() {
        Ok(()) => Some(Cage { verifier, mark }),
        Err(why) if std::env::var_os("CURT_REQUIRE_SANDBOX").is_some() => panic!("the escape suite needs bubblewrap: {why}"),
        Err(why) => {
            eprintln!("the escape suite needs bubblewrap; only the refusal is tested: {why}");
            let folder = tempfile::tempdir().unwrap();
            let trace = folder.path().join("trace");
            let program = format!("open({:?}, 'w').close()", trace.to_str().unwrap());
            let tests = Tests::streams(vec![StreamTest { input: String::new(), output: String::new() }]);
            assert_eq!(verifier.judge(&tests, &program).verdict, Verdict::Ungradable);
            assert!(!trace.exists(), "the program was run");
            None
        }
    }
}

impl Cage {
    /// Runs a program that must print `output`, and sees to it that nothing of it is left.
    fn run(&self, program: &str, output: &str) -> Judgement {
        let tests = Tests::streams(vec![StreamTest { input: String::new(), output: output.to_owned() }]);
        let started = Instant::now();
        let judged = self.verifier.judge(&tests, program);
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}: {program}", started.elapsed());
        self.assert_nothing_left();
        judged
    }

    #[track_caller]
    fn prints(&self, program: &str, output: &str) {
        let judged = self.run(program, output);
        assert_eq!((judged.verdict, judged.reason), (Verdict::Correct, None), "{program}");
    }

    #[track_caller]
    fn fails(&self, program: &str, why: &str) {
        let judged = self.run(program, "never");
        let reason = judged.reason.unwrap_or_default();
        assert!(judged.verdict == Verdict::Wrong && reason.contains(why), "{:?} {reason}, expected {why}", judged.verdict);
    }

    #[track_caller]
    fn assert_nothing_left(&self) {
        let running = |entry: &std::fs::DirEntry| {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&command).contains(&self.mark)
        };
        // nothing is left when a verdict comes, unless the machine is too busy to end it within a second
        let patience = Instant::now();
        while std::fs::read_dir("/proc").unwrap().flatten().any(|entry| running(&entry)) {
            assert!(patience.elapsed() < Duration::from_secs(2), "processes of the sandbox are still running");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Attempts of which each must be refused with an `OSError`; prints the lines that were not. Numbers of system calls are those
/// of x86-64.
fn attempts(lines: &[&str]) -> String {
    let mut program = "import os, socket, ctypes, mmap\nlibc = ctypes.CDLL(None, use_errno=True)\n\
                       def call(*arguments):\n    if libc.syscall(*arguments) == -1:\n        \
                       raise OSError(ctypes.get_errno(), 'refused')\n"
        .to_owned();
    for (i, line) in lines.iter().enumerate() {
        program.push_str(&format!("try:\n    {line}\n    print('attempt {i} succeeded')\nexcept OSError: pass\n"));
    }
    program + "print('done')\n"
}

/// What the same program prints without a sandbox: an attack that does not work there either proves nothing.
fn outside(program: &str) -> String {
    let output = Command::new(Interpreter::default().python).args(["-c", program]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn files_outside_cannot_be_read() {
    let Some(cage) = cage("read", limits()) else { return };
    cage.fails("print(open('/etc/passwd').read())", "FileNotFoundError");
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret-of-the-host");
    std::fs::write(&secret, "secret").unwrap();
    let read = format!("print(open({secret:?}).read())");
    cage.fails(&read, "FileNotFoundError");
    assert_eq!(outside(&read), "secret\n");
    let home = std::env::var("HOME").unwrap_or("/root".to_owned());
    let walk = "import os\nseen = [p for p in ('/etc/passwd', '/home', '/root', '/var', '/sys', '/run', HOME) if os.path.exists(p)]\n\
                for folder, folders, files in os.walk('/'):\n    folders[:] = [f for f in folders if folder != '/' or f not in ('proc', 'usr')]\n    \
                seen += [f for f in files if 'secret' in f]\nprint(seen, os.listdir('/tmp'))";
    cage.prints(&walk.replace("HOME", &format!("{home:?}")), "[] []");
}

#[test]
fn links_lead_nowhere() {
    let Some(cage) = cage("links", limits()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let outside = secret.to_str().unwrap();
    let lines = [
        "os.symlink('/etc/passwd', '/tmp/a'); open('/tmp/a')".to_owned(),
        format!("os.symlink({outside:?}, '/tmp/b'); open('/tmp/b', 'w')"),
        format!("os.symlink('../../../../..' + {outside:?}, '/tmp/c'); open('/tmp/c')"),
        "os.link('/usr/bin/env', '/tmp/d')".to_owned(),
        format!("os.link({outside:?}, '/tmp/e')"),
        format!("open('/proc/self/root' + {outside:?})"),
        format!("open('/proc/1/root' + {outside:?})"),
        format!("open('/proc/1/cwd/../../../..' + {outside:?})"),
        "os.chroot('/tmp')".to_owned(),
        "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)".to_owned(),
        "call(304, 0, b'', 0)".to_owned(),
        "os.mknod('/tmp/f', 0o060666, os.makedev(254, 0))".to_owned(),
    ];
    cage.prints(&attempts(&lines.each_ref().map(String::as_str)), "done");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
}

#[test]
fn nothing_outside_can_be_written() {
    let Some(cage) = cage("write", limits()) else { return };
    let folder = tempfile::tempdir().unwrap();
    // writable for everybody, so that only the sandbox stands in the way
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let trace = folder.path().join("trace");
    let places = [
        trace.to_str().unwrap(),
        "/usr/trace",
        "/usr/bin/trace",
        "/usr/local/trace",
        "/bin/trace",
        "/dev/trace",
        "/dev/shm/trace",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sysrq-trigger",
        "/trace",
        "/etc/trace",
    ];
    let lines = places.map(|place| format!("open({place:?}, 'w').write('x')"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    cage.prints(&attempts(&lines), "done");
    let left: Vec<_> =
        places.iter().filter(|place| !place.starts_with("/proc") && std::path::Path::new(place).exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(outside(&attempts(&lines[..1])).contains("attempt 0 succeeded") && trace.exists());
}

#[test]
fn nobody_is_reached_over_the_network() {
    let Some(cage) = cage("network", limits()) else { return };
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = UnixListener::bind(folder.path().join("socket")).unwrap();
    let name = format!("escape-{}", std::process::id());
    let nameless = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let lines = [
        format!("socket.create_connection(('127.0.0.1', {}), 1)", tcp.local_addr().unwrap().port()),
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)".to_owned(),
        "socket.socket(socket.AF_INET6, socket.SOCK_STREAM)".to_owned(),
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)".to_owned(),
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)".to_owned(),
        "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)".to_owned(),
        format!("socket.socket(socket.AF_UNIX).connect({:?})", folder.path().join("socket")),
        format!("socket.socket(socket.AF_UNIX).connect('\\0{name}')"),
        "socket.getaddrinfo('example.com', 80)".to_owned(),
    ];
    let program = attempts(&lines.each_ref().map(String::as_str));
    cage.prints(&program, "done");
    tcp.set_nonblocking(true).unwrap();
    assert_eq!(tcp.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    for listener in [&file, &nameless] {
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    let free = outside(&program);
    assert!([0, 6, 7].iter().all(|i| free.contains(&format!("attempt {i} succeeded"))), "{free}");
    assert!(tcp.accept().is_ok() && file.accept().is_ok() && nameless.accept().is_ok());
}

#[test]
fn processes_cannot_multiply() {
    let Some(cage) = cage("fork", limits()) else { return };
    let every_way = [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.system('true') == 0 or os.fork()",
        "call(57)",
        "call(58)",
        "call(56, 17, 0, 0, 0, 0)",
        "call(435, b'\\0' * 88, 88)",
    ];
    cage.prints(&attempts(&every_way), "done");
    cage.fails("import os\nwhile True:\n    os.fork()", "PermissionError");
    cage.fails(
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "can't start new thread",
    );
}

#[test]
fn where_processes_are_allowed_a_fork_bomb_is_contained_and_nobody_survives() {
    let Some(cage) = cage("bomb", Limits { processes: 16, wall_seconds: 3.0, ..limits() }) else { return };
    let bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass";
    let judged = cage.run(bomb, "never");
    assert_eq!(judged.verdict, Verdict::Wrong);
    let before = Instant::now();
    assert!(Command::new("true").status().unwrap().success(), "the machine cannot start processes any more");
    assert!(before.elapsed() < Duration::from_secs(5));
    // a grandchild in its own session, which ignores what can be ignored and outlives the program
    let survivor = "import os, signal, sys, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        \
                    for s in range(1, 32):\n            try: signal.signal(s, signal.SIG_IGN)\n            except (OSError, ValueError): pass\n        \
                    os.close(0); os.close(1); os.close(2)\n        time.sleep(60)\n    os._exit(0)\nos.wait()\nprint('done')";
    cage.prints(survivor, "done");
}

#[test]
fn memory_is_bounded() {
    let Some(cage) = cage("memory", limits()) else { return };
    cage.fails("x = bytearray(10 << 30)", "MemoryError");
    cage.fails("x = []\nwhile True:\n    x.append(bytearray(1 << 24))", "MemoryError");
    cage.fails("import mmap\nx = [mmap.mmap(-1, 1 << 28) for i in range(40)]", "OSError");
    cage.fails("x = 'x' * (1 << 20)\nwhile True:\n    x += x", "MemoryError");
    cage.prints(&attempts(&["os.memfd_create('x')", "call(29, 0, 1 << 30, 0o1600)", "call(447, 0)"]), "done");
}

#[test]
fn time_is_bounded() {
    let Some(cage) = cage("time", Limits { cpu_seconds: 1.0, wall_seconds: 6.0, ..limits() }) else { return };
    cage.fails("while True: pass", "more than 1 s of processor time");
    cage.fails("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", "killed");
    let asleep = Limits { wall_seconds: 1.0, ..limits() };
    let Some(cage) = self::cage("sleep", asleep) else { return };
    cage.fails("import time\ntime.sleep(1000)", "no end after 1 s");
    cage.fails("import os\nos.close(1); os.close(2)\nimport time\ntime.sleep(1000)", "no end after 1 s");
    cage.fails("input()\nprint('x')", "EOFError");
    cage.fails("10 ** 10 ** 10", "");
}

#[test]
fn output_is_bounded() {
    let Some(cage) = cage("output", Limits { wall_seconds: 20.0, cpu_seconds: 10.0, ..limits() }) else { return };
    cage.fails(
        "import sys\nfor i in range(1 << 14):\n    sys.stdout.write('x' * (1 << 16))",
        "more than 8388608 bytes of output",
    );
    cage.fails(
        "import sys\nfor i in range(1 << 14):\n    sys.stderr.write('x' * (1 << 16))",
        "more than 8388608 bytes of output",
    );
}

#[test]
fn the_scratch_disk_is_bounded() {
    let Some(cage) = cage("disk", limits()) else { return };
    let fill = "import os\nn = 0\ntry:\n    for i in range(1000):\n        with open(f'/tmp/{i}', 'wb', 0) as f:\n            \
                for j in range(15):\n                n += f.write(bytes(1 << 20))\nexcept OSError as error: print(n <= 64 << 20, error.strerror)";
    cage.prints(fill, "True No space left on device");
    cage.fails("f = open('/tmp/x', 'wb')\nwhile True:\n    f.write(bytes(1 << 20))", "File too large");
    cage.prints("import os\nprint(os.listdir('/tmp'))", "[]");
}

#[test]
fn others_cannot_be_killed_or_watched() {
    let Some(cage) = cage("kill", limits()) else { return };
    let mut command = Command::new("sleep");
    command.arg("60");
    // beside a program that runs as nobody, somebody whom only the sandbox protects
    if std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.uid(65534).gid(65534);
    }
    let mut witness = Witness(command.spawn().unwrap());
    let id = witness.0.id();
    let lines = [
        format!("os.kill({id}, 9)"),
        format!("os.kill({}, 9)", std::process::id()),
        format!("os.listdir('/proc/{id}')"),
        format!("open('/proc/{id}/environ')"),
        "call(101, 16, 1, 0, 0)".to_owned(),
        "call(310, 1, 0, 0, 0, 0, 0)".to_owned(),
        "call(272, 0x10000000)".to_owned(),
        "call(308, 3, 0)".to_owned(),
        "call(321, 0, 0, 0)".to_owned(),
        "call(425, 8, b'\\0' * 120)".to_owned(),
        "call(250, 0, -3, 1)".to_owned(),
        "call(157, 1, 0, 0, 0, 0)".to_owned(),
        "call(0x40000000 + 39)".to_owned(),
    ];
    cage.prints(&attempts(&lines.each_ref().map(String::as_str)), "done");
    cage.prints("import os\nprint([int(p) for p in os.listdir('/proc') if p.isdigit()], os.getpid(), os.getppid())", "[1] 1 0");
    // it is alone, and limited in every way
    let limits = "n = 0\nfor line in open('/proc/1/limits'):\n    if line.startswith(('Max cpu', 'Max address', 'Max file', 'Max open', 'Max core')):\n        \
                  n += 'unlimited' not in line\nfor line in open('/proc/1/status'):\n    n += line.split() in (['Seccomp:', '2'], ['NoNewPrivs:', '1'], ['CapEff:', '0' * 16])\nprint(n)";
    cage.prints(limits, "8");
    let judged = cage.run("import os\nos.kill(-1, 9)\nprint('done')", "done");
    assert_ne!(judged.verdict, Verdict::Ungradable, "{judged:?}");
    assert!(witness.0.try_wait().unwrap().is_none(), "a process outside was killed");
}

struct Witness(Child);

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_environment_of_the_parent_is_hidden() {
    let Some(cage) = cage("environment", limits()) else { return };
    assert!(std::env::vars_os().count() > 3, "there is something to hide");
    cage.prints(
        "import os\nfound = dict(os.environ)\nfor p in os.listdir('/proc'):\n    if p.isdigit():\n        \
         for pair in open(f'/proc/{p}/environ').read().split('\\0'):\n            key = pair.split('=')[0]\n            \
         if key not in ('', 'PWD', 'PYTHONHASHSEED'): found[key] = 1\nprint(found)",
        "{}",
    );
    cage.prints(
        "import os\nprint(os.uname().nodename, os.getuid(), os.getgid(), sorted(os.listdir('/proc/self/fd'))[:3])",
        "sandbox 65534 65534 ['0', '1', '2']",
    );
}

#[test]
fn what_is_right_is_nowhere_inside() {
    let Some(cage) = cage("expected", limits()) else { return };
    // looks through all memory it can read for the mark of a right answer followed by digits
    let seek = "def seek():\n    mark = bytes([114, 105, 103, 104, 116, 45])\n    for p in ('self', '1'):\n        \
                for name in ('cmdline', 'environ'):\n            text = open(f'/proc/{p}/{name}', 'rb').read()\n            \
                if mark in text: return 'found in ' + name\n    n = 0\n    for line in open('/proc/self/maps'):\n        \
                place, mode = line.split()[:2]\n        if mode[0] != 'r' or '[v' in line: continue\n        a, b = (int(x, 16) for x in place.split('-'))\n        \
                try:\n            with open('/proc/self/mem', 'rb', 0) as memory:\n                memory.seek(a)\n                text = memory.read(min(b - a, 1 << 26))\n        \
                except (OSError, OverflowError): continue\n        n += 1\n        at = text.find(mark)\n        while at >= 0:\n            \
                if text[at + 6:at + 10].isdigit(): return 'found in memory'\n            at = text.find(mark, at + 1)\n    return 'none' if n > 5 else 'not looked'\n";
    let judged = cage.run(&format!("{seek}print(seek())"), "right-4711");
    assert_eq!(judged.reason.as_deref(), Some("test 1 of 1: expected `right-4711`, found `none`"));
    // the same search finds what is there
    cage.fails(&format!("{seek}x = 'right-' + str(4700 + len(input.__name__))\nprint(seek())"), "found `found in memory`");
    let tests =
        Tests::parse(r#"{"functional": "def check(candidate):\n    assert candidate(1) == 'right-4711'\ncheck(f)"}"#).unwrap();
    let judged = cage.verifier.judge(&tests, &format!("{seek}def f(n): return seek()"));
    assert_eq!(judged.reason.as_deref(), Some("test 1 of 1: expected `'right-4711'`, found `'none'`"));
}
