package import Base
package import SystemPackage

/// An input that is in the cache, whole and as pinned.
package struct FetchedInput: Sendable {
    package struct File: Sendable, Hashable {
        /// Relative to the input's folder.
        package let path: String
        /// The content in the cache: a plain file.
        package let location: FilePath
        /// In bytes.
        package let size: Int
        /// In hexadecimal.
        package let sha256: String
        /// Whether it was in the cache already.
        package let wasCached: Bool
        /// Where it can be had: its first address, without anything secret.
        package let address: String
    }

    /// As the lock file has it now.
    package let input: LockedInput
    /// Whether this was the first use, which wrote the hashes in the lock file.
    package let isNewlyPinned: Bool
    /// In the order of the lock file.
    package let files: [File]
}

/// What the cache has of an input.
package struct CheckedInput: Sendable {
    package enum State: String, Sendable {
        /// All of it, byte by byte.
        case whole
        /// Some files of it.
        case partial
        case absent
        /// Something else stands in its place.
        case damaged
        /// It has no hashes that could be checked.
        case unpinned
    }

    package let input: LockedInput
    package let state: State
    /// Sentences on what is wrong.
    package let problems: [String]
}

/// Why an input isn't there, or isn't what it should be.
package struct FetchError: Failure, Sendable, Hashable {
    /// The kinds of reasons.
    package enum Code: Sendable, Hashable {
        /// The network was to be left alone, and the cache doesn't have it.
        case offline
        /// The lock file doesn't know such an input.
        case unknownInput
        /// The input has no hashes yet, and this place may not give it any.
        case unpinned
        /// No server gave it: connections, HTTP errors.
        case unavailable
        /// Servers want a token, or that terms are accepted.
        case notAllowed
        /// What came, or what is in the cache, has other bytes than it should.
        case wrongContent
        /// The disk has too little room.
        case noSpace
        /// The lock file can't be understood, or changed meanwhile.
        case lockFile
    }

    package let code: Code
    /// Sentences that hold no secrets: addresses are without users, passwords and queries.
    package let description: String

    /// A lock file's errors show the line.
    package var hasOwnLines: Bool { code == .lockFile }

    package var failureKind: FailureKind {
        switch code {
        case .unknownInput, .lockFile: .request
        case .noSpace: .inputOutput
        case .offline, .unpinned, .unavailable, .notAllowed, .wrongContent: .work
        }
    }

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}

/// Downloads that were stopped because somebody asked for it; what has come so far is kept and gone on from.
package struct FetchInterrupted: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .interruption }

    package var description: String {
        "Interrupted. What was downloaded so far is kept; run the same command again to go on from there."
    }
}

/// What is told while inputs are fetched; on the thread that fetches.
package protocol FetchObserver: AnyObject {
    /// Downloads of so many bytes in all begin; nil when that isn't known.
    func begin(bytes: Int?)
    /// Bytes came, or were found on the disk (`isInherited`); fewer than none when a download starts over.
    func advance(by bytes: Int, isInherited: Bool)
    /// Something worth a line.
    func log(_ message: String)
}
