//! TensorBoard event files: the record format and the two messages that scalars need.
//!
//! A record is `length: u64 LE`, masked CRC-32C of those 8 bytes, the payload, masked CRC-32C of the payload (TFRecord).
//! The payload is a protobuf `Event { 1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary }` with
//! `Summary { 1: repeated Value { 1: string tag, 2: float simple_value } }`. The length of a record does not depend on the
//! clock, so that a resume can cut the file back to the byte that a checkpoint recorded.

/// The first record of a file, which says what it is. `wall_time` is seconds since 1970.
pub fn version_record(wall_time: f64) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, wall_time);
    event.bytes(3, b"brain.Event:2");
    record(&event.0)
}

/// The record of all scalars of a step; numbers that are not finite are left out.
pub fn scalars_record(wall_time: f64, step: u32, scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Message::default();
    for (tag, number) in scalars.iter().filter(|(_, number)| number.is_finite()) {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.float(2, *number as f32);
        summary.bytes(1, &value.0);
    }
    let mut event = Message::default();
    event.double(1, wall_time);
    event.integer(2, u64::from(step));
    event.bytes(5, &summary.0);
    record(&event.0)
}

/// A protobuf message, field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(&mut self, field: u8, value: u64) {
        self.0.push(field << 3);
        self.varint(value);
    }

    fn double(&mut self, field: u8, value: f64) {
        self.0.push(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u8, value: &[u8]) {
        self.0.push(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn float(&mut self, field: u8, value: f32) {
        self.0.push(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(payload.len() + 16);
    out.extend(length);
    out.extend(masked_crc(&length).to_le_bytes());
    out.extend(payload);
    out.extend(masked_crc(payload).to_le_bytes());
    out
}

/// TFRecord's mask keeps a checksum of data that holds checksums from being trivial.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), bit by bit: a few kilobytes per step need no table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_rfc_3720() {
        for (bytes, expected) in [
            (b"123456789".to_vec(), 0xe306_9283),
            (vec![0; 32], 0x8a91_36aa),
            (vec![0xff; 32], 0x62a8_ab43),
            ((0..32).collect(), 0x46dd_794e),
            (vec![], 0),
        ] {
            assert_eq!(crc32c(&bytes), expected);
        }
    }

    /// These bytes were read by TensorBoard 2.21's `EventFileLoader` and `EventAccumulator` as the values written here.
    #[test]
    fn bytes_that_tensorboard_reads() {
        let scalars = [("reward".to_owned(), 0.25), ("not finite".to_owned(), f64::NAN)];
        let mut found = version_record(1e9);
        found.extend(scalars_record(1_000_000_000.5, 1, &scalars));
        let version = "1800000000000000a37f4b22090000000065cdcd411a0d627261696e2e4576656e743a32f4eb195e";
        let step = "1c00000000000000c8c1951d090000400065cdcd4110012a0f0a0d0a06726577617264150000803e3da69774";
        assert_eq!(found.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), format!("{version}{step}"));
    }

    #[test]
    fn length_does_not_depend_on_the_clock() {
        let scalars = [("a".repeat(200), 1.0)];
        let lengths = [0.0, 1.0, 1.8e9].map(|time| (version_record(time).len(), scalars_record(time, 300, &scalars).len()));
        assert_eq!(lengths, [lengths[0]; 3]);
    }
}
