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

/// An input on its way: its files with what to download for them.
struct ResolvedInput {
    struct File {
        let path: String
        let urls: [String]
        let blob: String?
        let request: DownloadRequest
        /// The content, where the cache has it.
        var found: DownloadedFile?
    }

    /// The repository that it is of.
    struct Hub {
        let folder: HubFolder
        let commit: String
        /// By what the commit was found.
        let branch: String?
    }

    let input: LockedInput
    var files: [File]
    let hub: Hub?
    /// Whether files come to those that are pinned.
    var isExtended = false
}
