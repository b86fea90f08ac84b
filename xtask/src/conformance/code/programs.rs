//! Programs that solve problems on standard input and output, of which the data has no solutions.

pub const PROGRAMS: [(&str, &str); 12] = [
    (
        "codeforces-0",
        "for _ in range(int(input())):\n    x, y = map(int, input().split())\n    print(x if x < y else y, y if x < y else x)\n",
    ),
    (
        "codeforces-15",
        "for _ in range(int(input())):\n    a, b, c = map(int, input().split())\n    total = a + b + c\n    \
         print(-1 if total % 2 == 1 else min(total // 2, a + b))\n",
    ),
    (
        "codeforces-21",
        "for _ in range(int(input())):\n    x, y = map(int, input().split())\n    screens = (y + 1) // 2\n    \
         left = x - (15 * screens - 4 * y)\n    if left > 0:\n        screens += (left + 14) // 15\n    print(screens)\n",
    ),
    (
        "codeforces-22",
        "for _ in range(int(input())):\n    n = int(input())\n    s = input()\n    letters = sorted(set(s))\n    \
         print(''.join(letters[len(letters) - 1 - letters.index(c)] for c in s))\n",
    ),
    (
        "codeforces-28",
        "for _ in range(int(input())):\n    n = int(input())\n    a = list(map(int, input().split()))\n    \
         falls = sum(a[i] > a[(i + 1) % n] for i in range(n))\n    print('Yes' if falls <= 1 else 'No')\n",
    ),
    ("codeforces-30", "for _ in range(int(input())):\n    n = int(input())\n    input()\n    print(n - 1)\n"),
    (
        "codeforces-37",
        "for _ in range(int(input())):\n    input()\n    s = input()\n    print('YES' if s == ''.join(sorted(s)) else 'NO')\n",
    ),
    (
        "codeforces-43",
        "for _ in range(int(input())):\n    n, m = map(int, input().split())\n    \
         print('Yes' if n >= m and (n - m) % 2 == 0 else 'No')\n",
    ),
    (
        "codeforces-49",
        "for _ in range(int(input())):\n    n, a, b = map(int, input().split())\n    k = min(n, max(0, b - a))\n    \
         print(k * b - k * (k - 1) // 2 + (n - k) * a)\n",
    ),
    ("codeforces-55", "for _ in range(int(input())):\n    x, y = map(int, input().split())\n    d = x ^ y\n    print(d & -d)\n"),
    (
        "code_contests-113",
        "for _ in range(int(input())):\n    (x, p), (y, q) = (input().split() for _ in range(2))\n    \
         n, m = len(x) + int(p), len(y) + int(q)\n    if n == m:\n        x, y = x.ljust(8, '0'), y.ljust(8, '0')\n    else:\n        \
         x, y = n, m\n    print('<' if x < y else '>' if x > y else '=')\n",
    ),
    (
        "code_contests-140",
        "liked = sorted({x * x for x in range(1, 31623)} | {x * x * x for x in range(1, 1001)})\nfrom bisect import bisect\n\
         for _ in range(int(input())):\n    print(bisect(liked, int(input())))\n",
    ),
];
