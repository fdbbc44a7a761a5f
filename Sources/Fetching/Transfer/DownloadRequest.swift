internal import SystemPackage

/// One file to download: from where, to where, and what it should be.
struct DownloadRequest {
    /// A server that has it.
    struct Source {
        let url: String
        let address: PublicAddress
        /// Sent to that server only, never where it redirects to.
        let token: Secret?
    }

    /// For messages: `gsm8k/train.jsonl`.
    let name: String
    /// In the order in which they are tried.
    let sources: [Source]
    /// In bytes, if it is known.
    let size: Int?
    /// In hexadecimal, if it is known.
    let sha256: String?
    /// The most bytes that are taken where the size isn't known.
    var limit = 1 << 40
    /// Where it grows; on the disk of its place.
    let part: FilePath
    let lock: FilePath
    /// The place, by its SHA-256.
    let place: (String) -> FilePath
    /// Looks at the finished part once more; a reason, as the end of a sentence, refuses it.
    var check: (FilePath) throws -> String? = { _ in nil }

    /// The place, where it is known before.
    var knownPlace: FilePath? { sha256.map(place) }
}

/// A file that is in its place now.
struct DownloadedFile {
    let path: FilePath
    let size: Int
    let sha256: String
    /// Whether it was there already.
    let wasThere: Bool
}
