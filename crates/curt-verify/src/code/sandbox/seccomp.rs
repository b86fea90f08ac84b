//! The system calls that a program in the sandbox is refused.
//!
//! Namespaces keep a program from reaching anything; the filter keeps it from using parts of the kernel that no judged program
//! needs, and from making processes, so that limits on a process are limits on the program.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    sock_filter,
};

use super::Unavailable;

const REFUSED: [i64; 53] = [
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    // mounts and namespaces
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // memory that no limit counts
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    // large parts of the kernel
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_quotactl,
    // the machine
    libc::SYS_personality,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_clock_settime,
    libc::SYS_settimeofday,
    libc::SYS_adjtimex,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: [i64; 3] = [libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: [i64; 0] = [];

/// Ways of making a process that are no `clone`.
#[cfg(target_arch = "x86_64")]
const FORKS: [i64; 2] = [libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: [i64; 0] = [];

/// The filter as the kernel reads it. Error: no filter can be made for this processor.
pub fn filter(may_fork: bool) -> Result<Vec<u8>, Unavailable> {
    let program = program(may_fork).map_err(|error| Unavailable(format!("no system call filter: {error}")))?;
    let bytes = |step: &sock_filter| {
        let [a, b] = step.code.to_ne_bytes();
        let [c, d, e, f] = step.k.to_ne_bytes();
        [a, b, step.jt, step.jf, c, d, e, f]
    };
    Ok(program.iter().flat_map(bytes).collect())
}

fn program(may_fork: bool) -> Result<BpfProgram, Box<dyn std::error::Error>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    rules.extend(REFUSED.iter().chain(&REFUSED_HERE).map(|&call| (call, Vec::new())));
    let when = |argument, op, value: u64| -> Result<Vec<SeccompRule>, Box<dyn std::error::Error>> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    };
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        rules.insert(call, when(0, SeccompCmpOp::Ne, libc::AF_UNIX as u64)?);
    }
    // the signal that ends the program when bubblewrap ends
    rules.insert(libc::SYS_prctl, when(0, SeccompCmpOp::Eq, libc::PR_SET_PDEATHSIG as u64)?);
    // typing into somebody's terminal
    rules.insert(libc::SYS_ioctl, when(1, SeccompCmpOp::Eq, libc::TIOCSTI)?);
    let (mask, value) = if may_fork {
        (libc::CLONE_NEWUSER, libc::CLONE_NEWUSER)
    } else {
        rules.extend(FORKS.iter().map(|&call| (call, Vec::new())));
        (libc::CLONE_THREAD, 0)
    };
    rules.insert(libc::SYS_clone, when(0, SeccompCmpOp::MaskedEq(mask as u64), value as u64)?);

    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let filter: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch)?.try_into()?;
    Ok(preface().into_iter().chain(filter).collect())
}

/// Refuses the second numbering of x86-64's system calls, and says of `clone3`, whose flags a filter cannot see, that it does
/// not exist, so that the C library falls back to `clone`.
fn preface() -> BpfProgram {
    const LOAD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ERRNO: u32 = 0x0005_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        step(LOAD, 0, 0, 0),
        step(JUMP_IF_AT_LEAST, 0, 1, 0x4000_0000),
        step(RETURN, 0, 0, ERRNO | libc::EPERM as u32),
        step(JUMP_IF_EQUAL, 0, 1, libc::SYS_clone3 as u32),
        step(RETURN, 0, 0, ERRNO | libc::ENOSYS as u32),
    ]
}
