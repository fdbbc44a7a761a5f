/// How the tokens of a generated response are counted.
///
/// The paper's released code counts in several narrower ways (it decodes, cuts and tokenizes the text again); here
/// a token is a position of the response that the decoder filled before the response ended.
package enum TokenCount: String, Sendable, Hashable, CaseIterable {
    /// Up to and including the first end-of-text token: the decoder had to produce that one as well. The default.
    case throughEnd
    /// Up to the first end-of-text token, without it.
    case beforeEnd

    /// The number of tokens in `response` that count.
    ///
    /// - Parameters:
    ///   - response: the token ids after the prompt, of at most the generation length.
    ///   - endsText: whether a token ends a text.
    ///   - generationLength: the cap; positions from there on never count.
    /// - Returns: the capped length of the response when it has no end-of-text token.
    package func callAsFunction(
        _ response: [Int], generationLength: Int, endsText: (Int) -> Bool
    ) -> Int {
        let capped = response.prefix(max(0, generationLength))
        guard let end = capped.firstIndex(where: endsText) else { return capped.count }
        return self == .throughEnd ? end + 1 : end
    }
}
