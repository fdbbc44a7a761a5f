/// Unicode's normalization forms, under the names that a `tokenizer.json` gives them.
enum UnicodeForm: String, Sendable, CaseIterable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    /// Whether characters are put together after they were taken apart.
    var composes: Bool { self == .nfc || self == .nfkc }
    /// Whether characters give way to those that they are compatible with, as ﬁ to fi.
    var isCompatible: Bool { self == .nfkc || self == .nfkd }
}
