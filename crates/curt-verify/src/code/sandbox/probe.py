# Run once in the sandbox before anything is judged there: what a program can reach, one fact a line.
import os


def attempt(what, act):
    try:
        act()
        print(what, "possible")
    except OSError:
        print(what, "refused")


def connect():
    import _socket

    _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)


def fork():
    if os.fork() == 0:
        os._exit(0)


def interfaces():
    with open("/proc/net/dev") as lines:
        return sorted(line.split(":")[0].strip() for line in lines if ":" in line)


for place in "/etc/passwd /etc/shadow /home /root /var /sys /run /opt /mnt".split():
    print("sees", place, os.path.exists(place))
for place in "/ /usr /usr/bin /dev /dev/shm /proc /proc/sys/kernel".split():
    attempt("write in " + place, lambda: open(place + "/probe", "w").close())
attempt("write in /tmp", lambda: open("/tmp/probe", "w").close())
attempt("socket", connect)
attempt("fork", fork)
print("interfaces", *interfaces())
print("user", os.getuid(), os.geteuid(), os.getgid(), os.getegid())
print("environment", *sorted(os.environ))
print("files", *sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + name)))
with open("/proc/self/status") as status:
    for line in status:
        key, value = line.split(":")
        if key in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
            print(key, value.strip())
