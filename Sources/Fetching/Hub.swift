internal import Base
internal import Files
internal import JSON
package import SystemPackage

/// What the environment says of hub, cache and network, read as huggingface_hub reads it.
package struct HubSettings: Sendable {
    /// The hub that all know.
    static let publicHub = "https://huggingface.co"

    /// `HF_ENDPOINT`: the hub's address, without a slash at its end.
    let endpoint: String
    /// The hub's cache: `HF_HUB_CACHE`, or `hub` in `HF_HOME`.
    package let hubCache: FilePath
    /// The cache of files with addresses of their own: `files` in `D3LLM_CACHE`.
    package let filesCache: FilePath
    /// `HF_HUB_OFFLINE`: no socket is opened.
    package let isOffline: Bool
    /// `HF_TOKEN`, or the file that `hf auth login` writes.
    let token: Secret?
    /// `SSL_CERT_FILE` or `CURL_CA_BUNDLE`.
    let certificates: String?

    /// - Parameters:
    ///   - variables: The environment.
    ///   - cache: A folder to hold both caches instead.
    package init(variables: [String: String], cache: FilePath? = nil) {
        func variable(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
        func expanded(_ text: String) -> FilePath {
            guard text == "~" || text.byteText.hasPrefix("~/") else { return FilePath(text) }
            return FilePath(variable("HOME") ?? "/").pushing(
                FilePath(String(text.unicodeScalars.dropFirst(2))))
        }
        let user = variable("XDG_CACHE_HOME").map(expanded) ?? expanded("~/.cache")
        let home = variable("HF_HOME").map(expanded) ?? user.appending("huggingface")
        hubCache =
            cache?.appending("hub")
            ?? (variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE")).map(expanded)
            ?? home.appending("hub")
        filesCache =
            (cache ?? variable("D3LLM_CACHE").map(expanded) ?? user.appending("d3llm")).appending("files")
        var endpoint = variable("HF_ENDPOINT") ?? Self.publicHub
        while let shorter = endpoint.byteText.dropping(suffix: "/") { endpoint = shorter.text }
        self.endpoint = endpoint
        func isSet(_ name: String) -> Bool {
            ["1", "ON", "YES", "TRUE"].contains(variable(name)?.uppercased() ?? "")
        }
        isOffline = isSet("HF_HUB_OFFLINE") || isSet("TRANSFORMERS_OFFLINE")
        if isSet("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            token = nil
        } else {
            let named = variable("HF_TOKEN_PATH").map(expanded)
            let file = named ?? home.appending("token")
            token =
                (variable("HF_TOKEN") ?? variable("HUGGING_FACE_HUB_TOKEN")).flatMap(Self.token)
                ?? (try? FileSystem.readText(file, limit: FileLimit.settings, mayBePipe: named != nil))
                .flatMap(Self.token)
        }
        certificates = variable("SSL_CERT_FILE") ?? variable("CURL_CA_BUNDLE")
    }

    /// A token without what would end a header field; nil if nothing is left.
    private static func token(_ text: String) -> Secret? {
        let kept = String(decoding: text.utf8.filter { $0 > 0x20 && $0 < 0x7F }, as: UTF8.self)
        return kept.isEmpty ? nil : Secret(kept)
    }

    /// The environment of this process.
    package static func current(cache: FilePath? = nil) -> HubSettings {
        var variables: [String: String] = [:]
        for name in names {
            if let value = EnvironmentSecrets.value(name) { variables[name] = value }
        }
        return HubSettings(variables: variables, cache: cache)
    }

    private static let names = [
        "HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "D3LLM_CACHE",
        "HF_ENDPOINT",
        "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_TOKEN_PATH",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN", "SSL_CERT_FILE", "CURL_CA_BUNDLE",
    ]
}

/// What a hub says of a repository: its commit and the files with their hashes.
struct HubListing {
    struct File {
        let path: String
        let size: Int
        /// Git's hash of the content, or of what stands for it.
        let blob: String
        /// Of files that are kept apart.
        let sha256: String?
    }

    let commit: String
    let files: [File]

    /// Reads the answer of `/api/models/<id>/revision/<revision>?blobs=true`; a reason when it can't be that.
    init(parsing bytes: [UInt8]) throws(Unreadable) {
        guard let root = try? JSONDocument(parsing: bytes, name: "listing").root else {
            throw Unreadable(reason: "it is no JSON")
        }
        guard let commit = root["sha"]?.string, Hexadecimal.isDigest(commit, digits: 40) else {
            throw Unreadable(reason: "it names no commit")
        }
        var files: [File] = []
        var paths = SafePaths()
        for node in root["siblings"]?.array ?? [] {
            guard let path = node["rfilename"]?.string, paths.insert(path) else {
                throw Unreadable(reason: "it has a file without a usable name")
            }
            let sha256 = node["lfs"]?["sha256"]?.string
            guard let size = node["lfs"]?["size"]?.int ?? node["size"]?.int, (0...1 << 50).contains(size),
                let blob = sha256 ?? node["blobId"]?.string,
                Hexadecimal.isDigest(blob, digits: sha256 == nil ? 40 : 64)
            else { throw Unreadable(reason: "it gives no size or no hash of \(path.visible)") }
            files.append(File(path: path, size: size, blob: blob, sha256: sha256))
        }
        (self.commit, self.files) = (commit, files)
    }

    /// Why an answer isn't a listing, as the end of a sentence.
    struct Unreadable: Error { let reason: String }
}

/// Addresses on a hub.
enum HubAddress {
    static func listing(_ endpoint: String, _ repository: LockedInput.Repository) -> String {
        "\(endpoint)/api/\(repository.kind.rawValue)s/\(repository.id)/revision/\(escaped(repository.revision, keeping: ""))?blobs=true"
    }

    static func file(_ endpoint: String, _ repository: LockedInput.Repository, commit: String, _ path: String)
        -> String
    {
        let folder = repository.kind == .dataset ? "datasets/" : ""
        return "\(endpoint)/\(folder)\(repository.id)/resolve/\(commit)/\(escaped(path, keeping: "/"))"
    }

    /// A text as a part of a URL's path.
    static func escaped(_ text: String, keeping kept: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~\(kept)".utf8)
        var result = ""
        for byte in text.utf8 {
            if plain.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
