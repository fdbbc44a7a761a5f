internal import COniguruma

/// A regular expression that cuts text, carried out by oniguruma.
///
/// Hugging Face's library uses the same engine with the same (Ruby's) syntax, so that every pattern of a
/// `tokenizer.json` means the same here: possessive quantifiers, look-ahead, Unicode properties, case folding.
///
/// `@unchecked Sendable` is safe: oniguruma only reads a compiled expression while it matches, each match keeps its
/// state on its own stack, and the pointer never changes before the object is gone.
final class SplitPattern: @unchecked Sendable {
    /// Why a pattern can't be compiled, in oniguruma's words.
    struct SyntaxError: Error, Sendable {
        let reason: String
    }

    /// Why a match was given up: the pattern takes too many steps or too much memory on some text.
    struct Exhaustion: Error, Sendable {
        let error: TokenizerError
    }

    /// The pattern as it was written.
    let source: String
    /// Where it stands, for errors: file and JSON path.
    private let place: (location: String, path: String)
    private let expression: OnigRegex

    /// Steps back that a match may take, and a search.
    ///
    /// The library's own limit is ten million; patterns of real tokenizers take a few per byte of text, since their
    /// repetitions leave nothing to try again. Beyond this a match is given up with an error, never without a word.
    static let stepLimit: UInt = 200_000_000
    /// Places that a match may keep to step back to: one per repetition that isn't possessive, some 40 bytes each.
    static let stackLimit: UInt32 = 1 << 24
    /// How deep a pattern's groups may stand in each other, which the library reads by recursion.
    private static let depthLimit: UInt32 = 500

    /// Compiles `source`.
    ///
    /// - Parameter place: where it stands, for errors: file and JSON path.
    init(
        _ source: String, at place: (location: String, path: String) = ("tokenizer", "$")
    ) throws(SyntaxError) {
        guard Self.libraryStatus == ONIG_NORMAL else {
            throw SyntaxError(reason: "oniguruma can't be set up (code \(Self.libraryStatus))")
        }
        var expression: OnigRegex?
        var info = OnigErrorInfo()
        var text = source
        // The reason points into the pattern, so that it has to be read before the pattern's bytes are gone.
        let failure: String? = text.withUTF8 { bytes in
            // An empty buffer has no address, which oniguruma would read.
            withUnsafePointer(to: UInt8(0)) { nothing in
                let start = bytes.baseAddress ?? nothing
                let status = onig_new(
                    &expression, start, start + bytes.count, ONIG_OPTION_NONE, d3llm_onig_utf8(),
                    d3llm_onig_ruby(), &info)
                return status == ONIG_NORMAL ? nil : Self.message(status, &info)
            }
        }
        if let failure { throw SyntaxError(reason: failure) }
        guard let expression else { throw SyntaxError(reason: "no expression came out") }
        self.source = source
        self.place = place
        self.expression = expression
    }

    /// Compiles a pattern that matches exactly `text`.
    convenience init(
        literal text: String, at place: (location: String, path: String) = ("tokenizer", "$")
    ) throws(SyntaxError) {
        var pattern = ""
        for scalar in text.unicodeScalars {
            // Escapes of other characters would have a meaning of their own.
            if #"\.*+?|()[]{}^$"#.unicodeScalars.contains(scalar) { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        try self.init(pattern, at: place)
    }

    deinit { onig_free(expression) }

    /// The first match at or behind `start`, as offsets from the beginning of `text`.
    ///
    /// - Parameters:
    ///   - text: what the pattern sees: its anchors and look-around end where it ends.
    ///   - start: where to begin; at a scalar's first byte.
    ///   - region: keeps the place of a match that isn't at `start`, and why a match was given up: from then on nothing
    ///     is found.
    func firstMatch(
        in text: UnsafeBufferPointer<UInt8>, from start: Int, _ region: MatchRegion
    ) -> Range<Int>? {
        guard let base = text.baseAddress, !region.hasFailed else { return nil }
        let end = base + text.count
        // The patterns of tokenizers match nearly everywhere; trying the place itself first is faster than searching.
        let length = onig_match(expression, base, end, base + start, nil, ONIG_OPTION_NONE)
        if length >= 0 { return start..<(start + Int(length)) }
        guard length == ONIG_MISMATCH else { return give(up: length, region) }
        let status = onig_search(
            expression, base, end, base + start, end, region.pointer, ONIG_OPTION_NONE)
        if status == ONIG_MISMATCH { return nil }
        guard status >= 0 else { return give(up: status, region) }
        return region.wholeMatch
    }

    /// Sets the library up, once.
    private static let libraryStatus: Int32 = {
        var encodings: [OnigEncoding?] = [d3llm_onig_utf8()]
        let status = onig_initialize(&encodings, 1)
        _ = onig_set_retry_limit_in_match(stepLimit)
        _ = onig_set_retry_limit_in_search(stepLimit)
        _ = onig_set_match_stack_limit_size(stackLimit)
        _ = onig_set_parse_depth_limit(depthLimit)
        return status
    }()

    private static func message(_ status: Int32, _ info: inout OnigErrorInfo) -> String {
        let text = [UInt8](unsafeUninitializedCapacity: Int(ONIG_MAX_ERROR_MESSAGE_LEN) + 1) {
            buffer, count in
            count = Int(max(0, d3llm_onig_error_message(buffer.baseAddress, status, &info)))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Notes why a match isn't looked for any further.
    private func give(up status: Int32, _ region: MatchRegion) -> Range<Int>? {
        var info = OnigErrorInfo()
        region.fail(
            Exhaustion(
                error: TokenizerError(
                    location: place.location, path: place.path,
                    message:
                        "The regular expression `\(source)` takes too long on this text, or too much memory (oniguruma: \(Self.message(status, &info))). Simplify it: no repetition should stand in a repetition of the same text."
                )))
        return nil
    }
}

/// Where oniguruma notes what it found; each thread needs its own.
final class MatchRegion {
    fileprivate let pointer: UnsafeMutablePointer<OnigRegion>
    private var failure: SplitPattern.Exhaustion?

    init() {
        // As everywhere in Swift, a lack of memory for a few bytes ends the process.
        guard let pointer = onig_region_new() else { preconditionFailure("out of memory") }
        self.pointer = pointer
    }

    /// Whether a match was given up.
    var hasFailed: Bool { failure != nil }

    /// Why a match was given up, which is forgotten by that.
    func takeFailure() -> SplitPattern.Exhaustion? {
        defer { failure = nil }
        return failure
    }

    fileprivate func fail(_ reason: SplitPattern.Exhaustion) { failure = failure ?? reason }

    deinit { onig_region_free(pointer, 1) }

    /// The whole match of the last search that found something.
    fileprivate var wholeMatch: Range<Int> { Int(pointer.pointee.beg[0])..<Int(pointer.pointee.end[0]) }
}
