//! Generation: prompts once per group, paged cache, slots refilled as sequences end.
//!
//! One loop of three calls: admit, step, harvest. Which sequences run together changes no bit of any of them.

mod pages;
mod sequence;

use curt_kernels::ops::attention::{PAGE, SequencePlan};
use curt_kernels::ops::lm_head::Draw;
use curt_kernels::{DeviceError, Ops, Real};

use self::pages::PagePool;
use self::sequence::{Drawn, Running};
use crate::model::{Pages, RowBatch, Transformer, check_inverse_temperature, check_tokens, kv_pages};
use crate::policy::{Completion, GenerateProgress, GenerateRequest, PolicyError, Sampling};
use crate::random::DrawKey;

/// Rows of prompts processed in one pass.
const PREFILL_ROWS: usize = 2048;

/// A generation in progress.
struct Generation<'a> {
    requests: &'a [GenerateRequest],
    sampling: &'a Sampling,
    /// Ids at which a completion ends.
    stops: Vec<u32>,
    pool: PagePool,
    /// First request whose prompt has not been processed.
    next_request: usize,
    /// Sequences with a first token that wait for a slot, last first.
    waiting: Vec<Running>,
    running: Vec<Running>,
    finished: Vec<Vec<Option<Completion>>>,
    progress: GenerateProgress,
}

/// A token that is about to be drawn: which completion it belongs to, and its index there.
#[derive(Clone, Copy, Debug)]
struct NextToken {
    request: usize,
    sample: usize,
    position: usize,
}

impl<B: Ops> Transformer<B> {
    /// See [`crate::Policy::generate`].
    pub(crate) fn generate_groups(
        &mut self,
        requests: &[GenerateRequest],
        sampling: &Sampling,
        keep_going: &mut dyn FnMut(GenerateProgress) -> bool,
    ) -> Result<Vec<Vec<Completion>>, PolicyError> {
        self.check_requests(requests, sampling)?;
        let mut generation = Generation::new(requests, sampling, &self.stops, self.cache_capacity());
        loop {
            self.admit(&mut generation)?;
            if generation.running.is_empty() {
                break;
            }
            if !keep_going(generation.progress) {
                return Err(PolicyError::Interrupted);
            }
            self.step(&mut generation)?;
            generation.harvest();
        }
        let finished = generation.finished.into_iter();
        Ok(finished.map(|group| group.into_iter().map(|c| c.expect("every sequence ended")).collect()).collect())
    }

    fn check_requests(&self, requests: &[GenerateRequest], sampling: &Sampling) -> Result<(), PolicyError> {
        let (vocab, context) = (self.config.vocab, self.config.max_position_embeddings);
        let bad = |what, expected, found: f64| Err(PolicyError::BadSetting { what, expected, found: found.to_string() });
        if !(sampling.temperature >= 0.0 && sampling.temperature.is_finite()) {
            return bad("temperature", "at least 0 and finite", sampling.temperature);
        }
        check_inverse_temperature(sampling.inverse_temperature())?;
        if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
            return bad("top_p", "above 0 and at most 1", sampling.top_p);
        }
        if !(0.0..=1.0).contains(&sampling.min_p) {
            return bad("min_p", "between 0 and 1", sampling.min_p);
        }
        if self.settings.max_sequences == 0 {
            return bad("max_sequences", "at least 1", 0.0);
        }
        for (index, request) in requests.iter().enumerate() {
            let (what, length) = ("prompt of request", request.prompt.len());
            if length == 0 {
                return Err(PolicyError::EmptyPrompt { what: "request", index });
            }
            if length >= context {
                return Err(PolicyError::TooLong { what, index, length, context });
            }
            if request.max_new_tokens == 0 {
                return bad("max_new_tokens", "at least 1", 0.0);
            }
            check_tokens(what, index, &request.prompt, vocab)?;
        }
        Ok(())
    }

    /// Fills free slots: from sequences that wait, else by processing further prompts.
    fn admit(&mut self, generation: &mut Generation<'_>) -> Result<(), PolicyError> {
        while generation.running.len() < self.settings.max_sequences {
            match generation.waiting.pop() {
                Some(sequence) => generation.running.push(sequence),
                None if generation.next_request < generation.requests.len() => self.prefill(generation)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Processes the next prompts and draws the first token of each of their samples.
    fn prefill(&mut self, generation: &mut Generation<'_>) -> Result<(), PolicyError> {
        let group = generation.next_prompts(self.settings.max_sequences);
        let requests = &generation.requests[group.clone()];
        let needed: usize = requests.iter().map(|r| r.prompt.len().div_ceil(PAGE) + r.samples.len()).sum();
        self.reserve_pages(&mut generation.pool, needed)?;
        let (ids, plan) = generation.plan_prompts(group.clone());
        let batch = RowBatch::new(&self.backend, &ids, &plan)?;
        let draws: Vec<(usize, usize)> =
            group.clone().flat_map(|r| (0..generation.requests[r].samples.len()).map(move |s| (r, s))).collect();
        self.prepare_inference(&batch, draws.len())?;
        self.forward_cached(&batch);
        let last_rows: Vec<u32> = draws.iter().map(|(r, _)| plan.row_starts[r - group.start + 1] - 1).collect();
        let next: Vec<NextToken> = draws.iter().map(|&(request, sample)| NextToken { request, sample, position: 0 }).collect();
        let drawn = self.draw(&last_rows, &next, generation)?;
        self.counters.prompt_tokens += ids.len() as u64;
        for (&(request, sample), token) in draws.iter().zip(drawn) {
            let sequence = &plan.pages
                [plan.page_starts[request - group.start] as usize..plan.page_starts[request - group.start + 1] as usize];
            let length = generation.requests[request].prompt.len();
            let pages = self.fork_prompt(&mut generation.pool, sequence, length);
            generation.waiting.push(Running::new(request, sample, pages, length));
            generation.accept(token, self.config.max_position_embeddings);
        }
        for &page in &plan.pages {
            generation.pool.release(page);
        }
        generation.waiting.reverse();
        Ok(())
    }

    /// A sample's own view of its prompt: full pages are shared, a partly filled one is copied.
    fn fork_prompt(&mut self, pool: &mut PagePool, prompt_pages: &[u32], length: usize) -> Vec<u32> {
        let mut pages = prompt_pages.to_vec();
        if length.is_multiple_of(PAGE) {
            pages.iter().for_each(|&p| pool.share(p));
            return pages;
        }
        let (partial, full) = pages.split_last_mut().expect("a prompt has at least one page");
        full.iter().for_each(|&p| pool.share(p));
        let own = pool.take();
        let len = self.config.kv_heads * self.config.head_dim * PAGE;
        let (from, to) = (*partial as usize * len, own as usize * len);
        for layer in &mut self.cache {
            self.backend.copy_within(&mut layer.k, to, from, len);
            self.backend.copy_within(&mut layer.v, to, from, len);
        }
        *partial = own;
        pages
    }

    /// One token for every running sequence.
    fn step(&mut self, generation: &mut Generation<'_>) -> Result<(), PolicyError> {
        let needed = generation.running.iter().filter(|r| r.length.is_multiple_of(PAGE)).count();
        self.reserve_pages(&mut generation.pool, needed)?;
        let (ids, plan) = generation.plan_step();
        let batch = RowBatch::new(&self.backend, &ids, &plan)?;
        self.prepare_inference(&batch, ids.len())?;
        self.forward_cached(&batch);
        let rows: Vec<u32> = (0..ids.len() as u32).collect();
        let next: Vec<NextToken> = generation
            .running
            .iter()
            .map(|r| NextToken { request: r.request, sample: r.sample, position: r.ids.len() })
            .collect();
        let drawn = self.draw(&rows, &next, generation)?;
        generation.accept_all(drawn, self.config.max_position_embeddings);
        self.counters.decode_steps += 1;
        Ok(())
    }

    fn forward_cached(&mut self, batch: &RowBatch<B>) {
        let (network, inference) = Self::split(&self.backend, &self.config, &self.parameters, &self.rope, &mut self.inference);
        network.forward(&mut inference.acts, &mut Pages::Cache(&mut self.cache), batch);
    }

    /// Draws the token of each of `next` from the output of the row that stands beside it in `rows`.
    fn draw(&mut self, rows: &[u32], next: &[NextToken], generation: &Generation<'_>) -> Result<Vec<Drawn>, PolicyError> {
        let (count, sampling) = (rows.len(), generation.sampling);
        let shape = self.head_shape(count, sampling.inverse_temperature());
        let key = |n: &NextToken| generation.requests[n.request].samples[n.sample];
        let draws: Vec<Draw> = next.iter().map(|n| choose(sampling, &key(n), n.position as u64)).collect();
        let weight = self.parameters.packed(self.parameters.head);
        let inference = self.inference.as_mut().expect("prepare_inference was called");
        let head = &mut inference.head;
        let gathered = self.backend.upload_ids(rows)?;
        self.backend.embedding_forward(&mut head.x, &inference.acts.y, &gathered, count, self.config.hidden);
        let mut tokens = vec![0; count];
        self.backend.lm_head_sample(&mut tokens, &mut head.facts, &head.x, weight, &draws, shape);
        let read = |buffer: &B::Buffer| {
            let mut host = vec![B::Real::default(); count];
            self.backend.read(&mut host, buffer, 0);
            host.into_iter().map(|x| x.to_f64() as f32).collect::<Vec<f32>>()
        };
        let (logprob, entropy, sum_p2) = (read(&head.facts.logprob), read(&head.facts.entropy), read(&head.facts.sum_p2));
        // after the reads: one that fails gives NaN
        self.backend.synchronize()?;
        (0..count)
            .map(|i| match logprob[i].is_finite() {
                true => {
                    let version = self.version;
                    Ok(Drawn { token: tokens[i], logprob: logprob[i], entropy: entropy[i], sum_p2: sum_p2[i], version })
                }
                false => {
                    let NextToken { request, sample, position } = next[i];
                    let subject = format!("sample {sample} of request {request}");
                    Err(PolicyError::NonFiniteLogprob { subject, position, value: f64::from(logprob[i]) })
                }
            })
            .collect()
    }

    fn cache_capacity(&self) -> usize {
        let page = self.config.kv_heads * self.config.head_dim * PAGE;
        self.cache.first().map_or(0, |layer| self.backend.len(&layer.k) / page)
    }

    /// Makes sure that `needed` pages are free, by growing the cache.
    fn reserve_pages(&mut self, pool: &mut PagePool, needed: usize) -> Result<(), DeviceError> {
        if pool.free() >= needed {
            return Ok(());
        }
        let old = pool.capacity();
        let capacity = (old + needed).max(old + old / 2).max(64);
        let page = self.config.kv_heads * self.config.head_dim * PAGE;
        let mut grown = Vec::with_capacity(self.config.layers);
        for l in 0..self.config.layers {
            let mut pages = kv_pages(&self.backend, &self.config, capacity)?;
            if let Some(layer) = self.cache.get(l) {
                self.backend.copy(&mut pages.k, 0, &layer.k, 0, old * page);
                self.backend.copy(&mut pages.v, 0, &layer.v, 0, old * page);
            }
            grown.push(pages);
        }
        self.cache = grown;
        pool.grow(capacity);
        Ok(())
    }
}

fn choose(sampling: &Sampling, key: &DrawKey, position: u64) -> Draw {
    if sampling.temperature == 0.0 {
        return Draw::Greedy;
    }
    let u = key.uniform(position);
    match sampling.is_filtered() {
        true => Draw::Filtered { u, top_k: sampling.top_k, top_p: sampling.top_p, min_p: sampling.min_p },
        false => Draw::Uniform(u),
    }
}

impl<'a> Generation<'a> {
    fn new(requests: &'a [GenerateRequest], sampling: &'a Sampling, stops: &[u32], pages: usize) -> Self {
        let total = requests.iter().map(|r| r.samples.len()).sum();
        Self {
            requests,
            sampling,
            stops: stops.to_vec(),
            pool: PagePool::new(pages),
            next_request: 0,
            waiting: Vec::new(),
            running: Vec::new(),
            finished: requests.iter().map(|r| vec![None; r.samples.len()]).collect(),
            progress: GenerateProgress { finished: 0, total, tokens: 0 },
        }
    }

    /// The next requests: at least one, then as many as fit the pass and have a free slot for a sample.
    fn next_prompts(&mut self, max_sequences: usize) -> std::ops::Range<usize> {
        let start = self.next_request;
        let (mut rows, mut samples) = (0, self.running.len());
        while let Some(request) = self.requests.get(self.next_request) {
            rows += request.prompt.len();
            if self.next_request > start && (rows > PREFILL_ROWS || samples >= max_sequences) {
                break;
            }
            samples += request.samples.len();
            self.next_request += 1;
        }
        start..self.next_request
    }

    fn plan_prompts(&mut self, group: std::ops::Range<usize>) -> (Vec<u32>, SequencePlan) {
        let requests = &self.requests[group];
        let ids = requests.iter().flat_map(|r| r.prompt.iter().copied()).collect();
        let lengths: Vec<usize> = requests.iter().map(|r| r.prompt.len()).collect();
        let mut plan = SequencePlan::packed(&lengths);
        plan.pages.iter_mut().for_each(|p| *p = self.pool.take());
        (ids, plan)
    }

    fn plan_step(&mut self) -> (Vec<u32>, SequencePlan) {
        let mut plan = SequencePlan { row_starts: vec![0], page_starts: vec![0], ..SequencePlan::default() };
        let mut ids = Vec::with_capacity(self.running.len());
        for sequence in &mut self.running {
            if sequence.length.is_multiple_of(PAGE) {
                sequence.pages.push(self.pool.take());
            }
            ids.push(sequence.ids[sequence.ids.len() - 1]);
            plan.row_starts.push(ids.len() as u32);
            plan.first_positions.push(sequence.length as u32);
            plan.pages.extend_from_slice(&sequence.pages);
            plan.page_starts.push(plan.pages.len() as u32);
            sequence.length += 1;
        }
        (ids, plan)
    }

    /// Gives the sequence that was put last into `waiting` its first token.
    fn accept(&mut self, token: Drawn, context: usize) {
        let sequence = self.waiting.last_mut().expect("a sequence was just put there");
        let limit = self.requests[sequence.request].max_new_tokens;
        sequence.push(token, &self.stops, limit, context);
        self.progress.tokens += 1;
        if sequence.ended() {
            let mut ended = self.waiting.pop().expect("it is there");
            self.finish(&mut ended);
        }
    }

    fn accept_all(&mut self, drawn: Vec<Drawn>, context: usize) {
        for (sequence, token) in self.running.iter_mut().zip(drawn) {
            let limit = self.requests[sequence.request].max_new_tokens;
            sequence.push(token, &self.stops, limit, context);
            self.progress.tokens += 1;
        }
    }

    /// Takes ended sequences out of their slots and frees their pages.
    fn harvest(&mut self) {
        let running = std::mem::take(&mut self.running);
        for mut sequence in running {
            match sequence.ended() {
                true => self.finish(&mut sequence),
                false => self.running.push(sequence),
            }
        }
    }

    fn finish(&mut self, sequence: &mut Running) {
        sequence.pages.iter().for_each(|&p| self.pool.release(p));
        self.finished[sequence.request][sequence.sample] = sequence.completion();
        self.progress.finished += 1;
    }
}
