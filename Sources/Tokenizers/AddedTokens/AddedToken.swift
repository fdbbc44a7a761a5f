/// A token that is found in the text itself, before anything else is done with it.
struct AddedToken: Sendable, Hashable {
    /// What stands in the text.
    var content: String
    /// Its id.
    var id: Int
    /// Whether it only counts where no letter, digit or underscore touches it.
    var singleWord = false
    /// Whether it takes the white space before it.
    var stripsLeft = false
    /// Whether it takes the white space after it.
    var stripsRight = false
    /// Whether it is found in the normalized text, in its normalized form.
    var isNormalized = false
    /// Whether decoding can leave it out.
    var isSpecial = false
}
