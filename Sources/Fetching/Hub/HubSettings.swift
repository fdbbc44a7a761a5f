internal import Base
internal import Files
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
