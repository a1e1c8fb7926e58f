//! The checksum of an object's content that S3 keeps: CRC-32 over the whole object, also of one that is sent in parts.
//! S3 compares it with what it received before the object becomes visible. SHA-256 would be stronger, but S3 does not
//! compute one over the whole of an object that is sent in parts.

use aws_smithy_types::base64;

/// Computes the checksum, piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Crc32(crc32fast::Hasher);

impl Crc32 {
    /// Adds the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum as S3 writes it: its four bytes, the highest first, in Base64.
    pub fn finish(self) -> String {
        base64::encode(self.0.finalize().to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_s3_writes_it() {
        let mut checksum = Crc32::default();
        for piece in ["12345", "", "6789"] {
            checksum.update(piece.as_bytes());
        }
        // The check value of CRC-32 is cbf43926.
        assert_eq!(checksum.finish(), "y/Q5Jg==");
        assert_eq!(Crc32::default().finish(), "AAAAAA==");
    }
}
