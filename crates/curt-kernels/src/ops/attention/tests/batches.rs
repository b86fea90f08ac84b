//! The bits of every way to batch and split a sequence are those of the sequence alone.

use super::*;

/// Some consecutive tokens of a sequence and the pages that hold it, written or to be written.
struct Part<'a> {
    rows: &'a Rows,
    first: usize,
    count: usize,
    pages: &'a [u32],
}

/// Stores and attends parts of several sequences in one batch; the bits of out and lse of each part, row by row.
fn batch<B: Attention>(backend: &B, pages: &mut KvPages<B>, parts: &[Part<'_>]) -> Vec<Vec<u64>> {
    let mut batch = Batch::default();
    for part in parts {
        batch.push(&part.rows.slice(part.first, part.count), part.first, part.pages);
    }
    let (out, lse) = batch.forward(backend, pages);
    let Batch { plan, rows } = batch;
    let shape = rows.expect("at least one part").shape;
    let (width, heads) = (shape.heads * shape.head_dim, shape.heads);
    let mut bits: Vec<Vec<u64>> = Vec::new();
    for s in 0..parts.len() {
        let (a, b) = (plan.row_starts[s] as usize, plan.row_starts[s + 1] as usize);
        let row = |row: usize| out[row * width..][..width].iter().chain(&lse[row * heads..][..heads]).map(|x| x.to_bits());
        bits.push((a..b).flat_map(row).collect());
    }
    bits
}

/// Sequences of odd lengths, the second of which starts with the first 37 tokens of the first, and shuffled pages.
struct World {
    sequences: Vec<Rows>,
    pages: Vec<Vec<u32>>,
    page_count: usize,
}

impl World {
    fn new(shape: AttentionShape) -> Self {
        let lengths = [90, 61, 1, 15, 16, 17, 33];
        let mut sequences: Vec<Rows> = (0..7).map(|i| Rows::seeded(shape, lengths[i], 11 + i as u64)).collect();
        let mut second = sequences[0].slice(0, SHARED);
        second.append(&sequences[1].slice(SHARED, lengths[1] - SHARED));
        sequences[1] = second;
        let plan = shuffled(&lengths, 23);
        let pages = (0..lengths.len()).map(|s| plan.pages_of(s).to_vec()).collect();
        Self { sequences, pages, page_count: plan.pages.len() }
    }

    fn poisoned<B: Backend>(&self, backend: &B) -> KvPages<B> {
        poisoned(backend, self.sequences[0].shape, self.page_count)
    }

    fn part(&self, s: usize, first: usize, count: usize) -> Part<'_> {
        Part { rows: &self.sequences[s], first, count, pages: &self.pages[s] }
    }

    fn whole(&self, s: usize) -> Part<'_> {
        self.part(s, 0, self.sequences[s].len())
    }

    /// Each sequence alone, in pages 0, 1, 2, …: what all other ways must reproduce.
    fn alone(&self) -> Vec<Vec<u64>> {
        let cpu = Cpu::<f32>::new(1).unwrap();
        let alone = |rows: &Rows| {
            let ids: Vec<u32> = (0..rows.len().div_ceil(PAGE) as u32).collect();
            let part = Part { rows, first: 0, count: rows.len(), pages: &ids };
            batch(&cpu, &mut poisoned(&cpu, rows.shape, ids.len()), &[part]).remove(0)
        };
        self.sequences.iter().map(alone).collect()
    }
}

/// A way to batch and split sequences, which must have the bits of each sequence alone.
#[derive(Clone, Copy, Debug)]
enum Way {
    Compositions,
    TokenByToken,
    Prefixes(&'static [usize]),
    SharedPrefix,
}

impl Way {
    fn check<B: Attention + std::fmt::Debug>(self, world: &World, backend: &B, want: &[Vec<u64>]) {
        match self {
            Self::Compositions => check_compositions(world, backend, want),
            Self::TokenByToken => check_token_by_token(world, backend, want),
            Self::Prefixes(splits) => check_prefixes(world, backend, want, splits),
            Self::SharedPrefix => check_shared_prefix(world, backend, want),
        }
    }
}

/// Heads, key heads and width, with group sizes 1, 2, 3 and 7, even and odd widths.
const WORLDS: [(usize, usize, usize); 5] = [(4, 2, 32), (3, 1, 24), (7, 1, 64), (2, 2, 8), (2, 1, 128)];

/// Checks `way` in all worlds on every CPU backend, and in `on_cuda` of them on CUDA.
fn check_everywhere(way: Way, on_cuda: &[(usize, usize, usize)]) {
    let world = |(heads, kv_heads, head_dim): (usize, usize, usize)| {
        let world = World::new(shape(heads, kv_heads, head_dim));
        let want = world.alone();
        assert!(want.iter().flatten().all(|&bits| f64::from_bits(bits).is_finite()), "an unwritten slot was read");
        (world, want)
    };
    for sizes in WORLDS {
        let (world, want) = world(sizes);
        fast_backends().iter().for_each(|cpu| way.check(&world, cpu, &want));
    }
    assert!(on_cuda.iter().all(|sizes| WORLDS.contains(sizes)));
    #[cfg(feature = "cuda")]
    crate::testing::on_cuda(|cuda| {
        for &sizes in on_cuda {
            let (world, want) = world(sizes);
            way.check(&world, cuda, &want);
        }
    });
}

fn check_compositions<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>]) {
    for order in [vec![0, 1, 2, 3, 4, 5, 6], vec![6, 2, 0], vec![5, 4, 3, 1]] {
        let parts: Vec<Part<'_>> = order.iter().map(|&s| world.whole(s)).collect();
        let got = batch(backend, &mut world.poisoned(backend), &parts);
        for (&s, got) in order.iter().zip(&got) {
            assert!(*got == want[s], "sequence {s} of {order:?}, {backend:?}");
        }
    }
}

fn check_token_by_token<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>]) {
    let mut pages = world.poisoned(backend);
    let mut got = vec![Vec::new(); want.len()];
    for position in 0..world.sequences[0].len() {
        // sequences end at different times, so the batch shrinks; its order changes from step to step
        let mut alive: Vec<usize> = (0..want.len()).filter(|&s| position < world.sequences[s].len()).collect();
        let turn = position % alive.len();
        alive.rotate_left(turn);
        let parts: Vec<Part<'_>> = alive.iter().map(|&s| world.part(s, position, 1)).collect();
        for (&s, bits) in alive.iter().zip(batch(backend, &mut pages, &parts)) {
            got[s].extend(bits);
        }
    }
    assert!(got == want, "{backend:?}");
}

fn check_prefixes<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>], splits: &[usize]) {
    for &split in splits {
        let mut pages = world.poisoned(backend);
        let long: Vec<usize> = (0..want.len()).filter(|&s| world.sequences[s].len() > split).collect();
        let prefixes: Vec<Part<'_>> = long.iter().map(|&s| world.part(s, 0, split)).collect();
        let mut got = batch(backend, &mut pages, &prefixes);
        // the rest in two batches of its own
        for s in 0..long.len() {
            let rest = world.sequences[long[s]].len() - split;
            let middle = rest / 2;
            for (first, count) in [(split, middle), (split + middle, rest - middle)] {
                got[s].extend(batch(backend, &mut pages, &[world.part(long[s], first, count)]).remove(0));
            }
            assert!(got[s] == want[long[s]], "sequence {} split at {split}, {backend:?}", long[s]);
        }
    }
}

fn check_shared_prefix<B: Attention + std::fmt::Debug>(world: &World, backend: &B, want: &[Vec<u64>]) {
    let mut pages = world.poisoned(backend);
    let page_len = world.sequences[0].shape.page_len();
    // the first sequence writes the shared tokens; the second has the full pages by id and a copy of the partial page
    batch(backend, &mut pages, &[world.part(0, 0, SHARED)]);
    let (from, to) = (world.pages[0][2] as usize * page_len, world.pages[1][2] as usize * page_len);
    backend.copy_within(&mut pages.k, to, from, page_len);
    backend.copy_within(&mut pages.v, to, from, page_len);
    let ids = [&world.pages[0][..2], &world.pages[1][2..]].concat();
    for position in SHARED..world.sequences[0].len() {
        let mut parts = vec![world.part(0, position, 1)];
        if position < world.sequences[1].len() {
            parts.push(Part { rows: &world.sequences[1], first: position, count: 1, pages: &ids });
        }
        for (s, got) in batch(backend, &mut pages, &parts).into_iter().enumerate() {
            let width = got.len();
            assert!(got == want[s][position * width..][..width], "sequence {s} at {position}, {backend:?}");
        }
    }
}

#[test]
fn packed_in_any_composition_has_the_bits_of_alone_cuda_too() {
    check_everywhere(Way::Compositions, &[(7, 1, 64), (2, 2, 8), (2, 1, 128)]);
}

#[test]
fn token_by_token_has_the_bits_of_packed_cuda_too() {
    check_everywhere(Way::TokenByToken, &[(3, 1, 24)]);
}

#[test]
fn prefix_in_pages_then_the_rest_has_the_bits_of_packed_cuda_too() {
    check_everywhere(Way::Prefixes(&[1, 15, 16, 17, 31, 32, 33]), &[(2, 2, 8)]);
}

#[test]
fn a_shared_prefix_has_the_bits_of_packed_cuda_too() {
    check_everywhere(Way::SharedPrefix, &[(4, 2, 32)]);
}
