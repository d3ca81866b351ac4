//! Cuts bytes into segments in a way that a single byte chooses, so that a finding can be repeated.

/// Splits off the first byte of an input; 0 if there is none.
pub fn choice(input: &[u8]) -> (u8, &[u8]) {
    input.split_first().map_or((0, input), |(first, rest)| (*first, rest))
}

/// The input in pieces of 1 to 32 bytes; `choice` names the sequence of lengths.
pub fn pieces(choice: u8, bytes: &[u8]) -> Vec<&[u8]> {
    let longest = 1 + usize::from(choice & 31);
    let mut state = u32::from(choice);
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        // A linear congruential generator: any sequence will do, as long as it is always the same.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let len = (1 + (state >> 16) as usize % longest).min(rest.len());
        let (piece, behind) = rest.split_at(len);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Every byte by itself.
pub fn bytewise(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}
