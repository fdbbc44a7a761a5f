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

    /// The pattern as it was written.
    let source: String
    private let expression: OnigRegex

    /// Compiles `source`.
    init(_ source: String) throws(SyntaxError) {
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
        self.expression = expression
    }

    /// Compiles a pattern that matches exactly `text`.
    convenience init(literal text: String) throws(SyntaxError) {
        var pattern = ""
        for scalar in text.unicodeScalars {
            // Escapes of other characters would have a meaning of their own.
            if #"\.*+?|()[]{}^$"#.unicodeScalars.contains(scalar) { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        try self.init(pattern)
    }

    deinit { onig_free(expression) }

    /// The first match at or behind `start`, as offsets from the beginning of `text`.
    ///
    /// - Parameters:
    ///   - text: what the pattern sees: its anchors and look-around end where it ends.
    ///   - start: where to begin; at a scalar's first byte.
    ///   - region: keeps the place of a match that isn't at `start`.
    func firstMatch(
        in text: UnsafeBufferPointer<UInt8>, from start: Int, _ region: MatchRegion
    ) -> Range<Int>? {
        guard let base = text.baseAddress else { return nil }
        let end = base + text.count
        // The patterns of tokenizers match nearly everywhere; trying the place itself first is faster than searching.
        let length = onig_match(expression, base, end, base + start, nil, ONIG_OPTION_NONE)
        if length >= 0 { return start..<(start + Int(length)) }
        guard length == ONIG_MISMATCH else { Self.stop(length) }
        let status = onig_search(
            expression, base, end, base + start, end, region.pointer, ONIG_OPTION_NONE)
        if status == ONIG_MISMATCH { return nil }
        guard status >= 0 else { Self.stop(status) }
        return region.wholeMatch
    }

    /// Sets the library up, once.
    private static let libraryStatus: Int32 = {
        var encodings: [OnigEncoding?] = [d3llm_onig_utf8()]
        let status = onig_initialize(&encodings, 1)
        // By default a match is given up after ten million steps. A split that depends on such a limit is wrong
        // without a word, so it is out of reach. Zero, documented as no limit, stops some versions at once.
        _ = onig_set_retry_limit_in_match(.max)
        _ = onig_set_retry_limit_in_search(.max)
        return status
    }()

    private static func message(_ status: Int32, _ info: inout OnigErrorInfo) -> String {
        let text = [UInt8](unsafeUninitializedCapacity: Int(ONIG_MAX_ERROR_MESSAGE_LEN) + 1) {
            buffer, count in
            count = Int(max(0, d3llm_onig_error_message(buffer.baseAddress, status, &info)))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Ends the program: without limits on steps, only a lack of memory stops a compiled expression.
    private static func stop(_ status: Int32) -> Never {
        preconditionFailure("oniguruma can't go on (code \(status)): out of memory")
    }
}

/// Where oniguruma notes what it found; each thread needs its own.
final class MatchRegion {
    fileprivate let pointer: UnsafeMutablePointer<OnigRegion>

    init() {
        guard let pointer = onig_region_new() else { preconditionFailure("out of memory") }
        self.pointer = pointer
    }

    deinit { onig_region_free(pointer, 1) }

    /// The whole match of the last search that found something.
    fileprivate var wholeMatch: Range<Int> { Int(pointer.pointee.beg[0])..<Int(pointer.pointee.end[0]) }
}
