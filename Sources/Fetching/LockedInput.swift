internal import Base

/// One input of the lock file: what it is, where it is from, and the bytes that it has to have.
package struct LockedInput: Sendable, Hashable {
    /// What experiments and the command line call it.
    package let name: String
    /// What it is, in a line.
    package let summary: String?
    /// As its makers word it; nil where it isn't known.
    package let licence: String?
    /// The page where its terms have to be accepted before it can be downloaded.
    package let terms: String?
    package let origin: Origin
    /// In the order of the lock file; none for a repository that isn't pinned yet.
    package let files: [File]

    /// Where it is from.
    package enum Origin: Sendable, Hashable {
        /// Files with addresses of their own.
        case addresses
        /// A repository of a Hugging Face hub.
        case repository(Repository)
    }

    /// Whether every byte of it is determined.
    package var isPinned: Bool {
        guard !files.isEmpty, files.allSatisfy({ $0.sha256 != nil && $0.size != nil }) else { return false }
        if case .repository(let repository) = origin { return repository.commit != nil }
        return true
    }

    /// The bytes of all files; nil where that isn't known.
    package var size: Int? { isPinned ? files.reduce(0) { $0 + ($1.size ?? 0) } : nil }
}

extension LockedInput {
    /// One file of an input.
    package struct File: Sendable, Hashable {
        /// Relative to the input's folder.
        package let path: String
        /// Where to get it, in the order in which they are tried; none for files of a repository.
        package let urls: [String]
        /// In bytes.
        package let size: Int?
        /// In hexadecimal.
        package let sha256: String?
        /// What a hub calls the content: git's hash of it, for files that aren't kept apart by their SHA-256.
        package let blob: String?

        init(path: String, urls: [String] = [], size: Int?, sha256: String?, blob: String? = nil) {
            (self.path, self.urls, self.size, self.sha256, self.blob) = (path, urls, size, sha256, blob)
        }
    }

    /// A repository of a Hugging Face hub, and which of its files are wanted.
    package struct Repository: Sendable, Hashable {
        package enum Kind: String, Sendable, CaseIterable { case model, dataset }

        /// `GSAI-ML/LLaDA-8B-Instruct`.
        package let id: String
        package let kind: Kind
        /// A commit when it is pinned; else the branch, tag or commit that will be.
        package let revision: String
        /// The branch or tag that the commit was found by.
        package let branch: String?
        /// Patterns of the wanted files' paths: `*` stands for anything.
        package let include: [String]
        /// Other servers of the hub's kind, tried after the hub.
        package let mirrors: [String]

        /// Small files of a model that say how its texts are written and end; they come along with a model's configuration,
        /// whatever patterns say: transformers since 4.52 writes templates into a file of their own.
        static let companions = [
            "chat_template.jinja", "generation_config.json", "special_tokens_map.json", "added_tokens.json",
        ]

        /// Whether a file of the repository is wanted.
        func wants(_ path: String) -> Bool {
            func isIncluded(_ path: String) -> Bool { include.contains { Wildcard.matches(path, $0) } }
            return isIncluded(path) || (isModel && Self.companions.contains(path))
        }

        /// Whether the wanted files are those of a model, and not of an adapter or of data.
        var isModel: Bool { kind == .model && include.contains { Wildcard.matches("config.json", $0) } }

        /// The commit, if one is named: 40 hexadecimal digits.
        package var commit: String? {
            revision.utf8.count == 40 && revision.utf8.allSatisfy(Hexadecimal.isDigit) ? revision : nil
        }
    }
}

/// Digests as texts.
enum Hexadecimal {
    /// Lower case only: one content has one name.
    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    static func isDigest(_ text: String, digits: Int) -> Bool {
        text.utf8.count == digits && text.utf8.allSatisfy(isDigit)
    }
}

/// Patterns of paths as huggingface_hub's `allow_patterns`: `*` stands for anything, slashes included, `?` for one
/// character.
enum Wildcard {
    static func matches(_ path: String, _ pattern: String) -> Bool {
        let (text, pattern) = (
            Array(path.unicodeScalars),
            Array((pattern.byteText.hasSuffix("/") ? pattern + "*" : pattern).unicodeScalars)
        )
        var (t, p) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == "*" {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
                (t, p) = (t + 1, p + 1)
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                (t, p) = (last.text + 1, last.pattern + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }
}

/// Paths that come from files or servers and are to stay inside a folder.
enum SafePath {
    /// Whether every system takes a path for the same file below the folder that it is put in.
    static func isSafe(_ path: String) -> Bool {
        let parts = path.byteText.split("/", keepingEmpty: true)
        return path.utf8.count <= 1024 && parts.count <= 32
            && path.utf8.allSatisfy {
                $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: ":")
            }
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.count <= 255 }
    }
}

/// Paths of files that can all be in one folder.
///
/// Names in two Unicode forms are taken for one name, as some systems do.
struct SafePaths {
    private var files: Set<String> = []
    private var folders: Set<String> = []

    /// Adds a path; false when it isn't safe, is there already, or one of the two would be a folder of the other.
    mutating func insert(_ path: String) -> Bool {
        guard SafePath.isSafe(path), !folders.contains(path), !files.contains(path) else { return false }
        var above: [String] = []
        var rest = path.byteText
        while let (folder, _) = rest.cut(atLast: "/") {
            guard !files.contains(folder.text) else { return false }
            above.append(folder.text)
            rest = folder
        }
        files.insert(path)
        folders.formUnion(above)
        return true
    }
}
