package sbom

// ExtractorVersion changes whenever the same bytes yield another Layer or
// Image, so that what an older version stored is extracted again.
const ExtractorVersion = "7"
