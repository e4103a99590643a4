//! Every problem that a file can have, and where it is told to be.

use super::*;
use crate::id::IdError;
use crate::money::MoneyError;

/// Columns for the problems below: the older dialect, where names are longer.
const HEADER: &str = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,\
                      Variant Inventory Qty,Image Src,Image Position,Published,Status\n";

fn import_text(text: &str) -> Result<Catalog, ImportError> {
    import(text.as_bytes(), "EUR".parse().unwrap())
}

/// The problem of a file made of `HEADER` and `rows`, its line and its column.
#[track_caller]
fn check(rows: &str, line: u64, column: &str, problem: ImportProblem) {
    check_file(&format!("{HEADER}{rows}"), line, Some(column), problem);
}

#[track_caller]
fn check_file(text: &str, line: u64, column: Option<&str>, problem: ImportProblem) {
    let column = column.filter(|name| !name.is_empty()).map(str::to_owned);
    assert_eq!(import_text(text), Err(ImportError { line, column, problem }));
}

/// The row once for each number, which stands where it has a `#`.
fn numbered(numbers: std::ops::Range<usize>, row: &str) -> String {
    let rows: Vec<String> = numbers.map(|n| row.replace('#', &n.to_string())).collect();
    rows.concat()
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let error = import(&vec![0xff; FILE_BYTES_MAX + 1], "EUR".parse().unwrap()).unwrap_err();
    assert_eq!(error.problem, ImportProblem::FileTooLarge);
}

#[test]
fn a_byte_that_is_not_utf_8_is_told_with_its_line() {
    let bytes = b"Handle,Title,Price\r\na,\"A\r\nB\",1\r\nb,Caf\xe9,1\r\n";
    let error = import(bytes, "EUR".parse().unwrap()).unwrap_err();
    assert_eq!((error.line, error.problem), (4, ImportProblem::NotUtf8));
}

#[test]
fn a_quote_that_is_never_closed_is_told_where_it_opens() {
    let rows = "a,\"A\nA\",,,,1,,,,,\nb,\"B,,,,1,,,,,\nc,C,,,,1,,,,,\n";
    check(rows, 4, "", ImportProblem::UnclosedQuote);
}

#[test]
fn text_after_a_closing_quote_is_refused() {
    check("a,\"A\" B,,,,1,,,,,\n", 2, "", ImportProblem::TextAfterQuote);
}

#[test]
fn a_file_without_any_text_has_no_header() {
    for text in ["", "\u{feff}", "\n\r\n\n", ",,,\n , \n"] {
        check_file(text, 1, None, ImportProblem::NoHeader);
    }
}

#[test]
fn a_file_with_other_separators_is_told_so() {
    check_file("Handle;Title;Price\na;A;1\n", 1, None, ImportProblem::NotCommas(';'));
    check_file("Handle\tTitle\tPrice\n", 1, None, ImportProblem::NotCommas('\t'));
}

#[test]
fn a_missing_column_is_named_in_both_dialects() {
    let missing = |today, older| ImportProblem::MissingColumn { today, older };
    check_file("Title,Price\nA,1\n", 1, None, missing("URL handle", "Handle"));
    check_file("Handle,Price\na,1\n", 1, None, missing("Title", "Title"));
    check_file("\n\nHandle,Title\na,A\n", 3, None, missing("Price", "Variant Price"));
    assert_eq!(
        import_text("Handle,Title\na,A\n").unwrap_err().to_string(),
        "line 1: there is no \"Price\" column (named \"Variant Price\" in older files)",
    );
}

#[test]
fn a_column_that_is_there_twice_is_refused_across_dialects() {
    let text = "Handle,Title,Price,url HANDLE\na,A,1,a\n";
    check_file(text, 1, Some("url HANDLE"), ImportProblem::DuplicateColumn);
    assert!(import_text("Handle,Title,Price,Note,Note\na,A,1,x,y\n").is_ok());
}

#[test]
fn a_row_with_more_or_fewer_fields_than_the_header_is_refused() {
    check("a,A,,,,1,,,,\n", 2, "", ImportProblem::WrongFieldCount { expected: 11, got: 10 });
    let problem = ImportProblem::WrongFieldCount { expected: 11, got: 12 };
    check("\n\na,A,,,,1,,,,,,\n", 4, "", problem);
}

#[test]
fn a_handle_that_is_missing_or_not_one_is_refused() {
    let bad = ImportProblem::BadHandle;
    check(",A,,,,1,,,,,\n", 2, "Handle", bad(IdError::Empty));
    check("a b,A,,,,1,,,,,\n", 2, "Handle", bad(IdError::Character(' ')));
    check(
        &format!("{},A,,,,1,,,,,\n", "h".repeat(129)),
        2,
        "Handle",
        bad(IdError::TooLong { max: 128 }),
    );
}

#[test]
fn the_first_row_of_a_product_needs_a_title() {
    check("a,A,,,,1,,,,,\nb,,,,,1,,,,,\nb,B,,,,1,,,,,\n", 3, "Title", ImportProblem::MissingTitle);
}

#[test]
fn a_text_that_is_too_long_is_refused_and_characters_are_counted_not_bytes() {
    let row = |title: &str| format!("a,{title},,,,1,,,,,\n");
    check(&row(&"ä".repeat(256)), 2, "Title", ImportProblem::TooLong { max: 255 });
    assert!(import_text(&format!("{HEADER}{}", row(&"ä".repeat(255)))).is_ok());
}

#[test]
fn words_for_published_and_status_are_known_or_refused() {
    let bad = ImportProblem::BadPublished("maybe".to_owned());
    check("a,A,,,,1,,,,maybe,\n", 2, "Published", bad);
    check("a,A,,,,1,,,,,gone\n", 2, "Status", ImportProblem::BadStatus("gone".to_owned()));
}

#[test]
fn an_option_needs_a_name_and_a_value() {
    check("a,A,,Small,,1,,,,,\n", 2, "Option1 Value", ImportProblem::MissingOptionName);
    let rows = "a,A,Size,Small,,1,,,,,\na,,,,,1,,,,,\n";
    let problem = ImportProblem::MissingOptionValue("Size".to_owned());
    check(rows, 3, "Option1 Value", problem);
    let rows = "a,A,Title,Default Title,,1,,,,,\na,,,Large,,1,,,,,\n";
    check(rows, 3, "Option1 Value", ImportProblem::MissingOptionName);
}

#[test]
fn two_variants_with_the_same_options_are_refused() {
    let rows = "a,A,Size,S,x,1,,,,,\na,,,M,y,1,,,,,\na,,,S,z,1,,,,,\n";
    check(rows, 4, "", ImportProblem::DuplicateVariant { first_line: 2 });
    let rows = "a,A,,,x,1,,,,,\na,,,,y,1,,,,,\n";
    check(rows, 3, "", ImportProblem::DuplicateVariant { first_line: 2 });
}

#[test]
fn a_sku_that_cannot_be_one_is_refused() {
    let bad = ImportProblem::BadSku(IdError::Character('/'));
    check("a,A,,,x/1,1,,,,,\n", 2, "Variant SKU", bad);
    let bad = ImportProblem::BadSku(IdError::TooLong { max: 64 });
    check(&format!("a,A,,,{},1,,,,,\n", "s".repeat(65)), 2, "Variant SKU", bad);
}

#[test]
fn a_sku_of_two_variants_is_told_with_the_line_of_the_first() {
    let rows = "a,\"A\nA\",,,same,1,,,,,\nb,B,,,other,1,,,,,\nc,C,,,same,1,,,,,\n";
    check(rows, 5, "Variant SKU", ImportProblem::DuplicateSku { first_line: 2 });
}

#[test]
fn a_variant_needs_a_price() {
    check("a,A,,,,,,,,,\n", 2, "Variant Price", ImportProblem::MissingPrice);
    let rows = "a,A,Size,S,,1,,,,,\na,,,M,,,,,,,\n";
    check(rows, 3, "Variant Price", ImportProblem::MissingPrice);
}

#[test]
fn a_price_that_is_not_an_amount_is_told_with_its_line_and_column() {
    let bad = ImportProblem::BadPrice(MoneyError::NotADecimal("12,50".to_owned()));
    let rows = "a,\"A\r\nA\r\nA\",,,,1,,,,,\r\n\r\nb,B,,,,\"12,50\",,,,,\r\n";
    check(rows, 6, "Variant Price", bad);
    assert_eq!(
        import_text(&format!("{HEADER}a,A,,,,1.999,,,,,\n")).unwrap_err().to_string(),
        "line 2, column \"Variant Price\": \"1.999\" has 3 decimals, but EUR has 2",
    );
    let text = "Handle,Title,Price,Compare-at price\na,A,1,-2\n";
    let bad = ImportProblem::BadPrice(MoneyError::NotADecimal("-2".to_owned()));
    check_file(text, 2, Some("Compare-at price"), bad);
}

#[test]
fn a_quantity_is_a_whole_number_within_bounds() {
    for text in ["1.5", "many", "1000000001", "99999999999999999999"] {
        let bad = ImportProblem::BadQuantity(text.to_owned());
        check(&format!("a,A,,,,1,{text},,,,\n"), 2, "Variant Inventory Qty", bad);
    }
}

#[test]
fn an_image_that_is_not_https_or_of_our_site_is_refused() {
    for url in [
        "javascript:alert(1)",
        "data:image/png;base64",
        "http://a.example/x.png",
        "//a.example/x.png",
        "/\\a.example/x.png",
        "https:///x.png",
        "https://",
        "https://a.example/x.png'onerror=alert(1)",
        "https://a.example/x y.png",
        "x.png",
    ] {
        check(&format!("a,A,,,,1,,{url},1,,\n"), 2, "Image Src", ImportProblem::BadImage);
    }
}

#[test]
fn the_place_of_an_image_is_a_count() {
    let bad = ImportProblem::BadImagePosition("first".to_owned());
    check("a,A,,,,1,,/a.svg,first,,\n", 2, "Image Position", bad);
}

#[test]
fn a_file_is_bounded_in_rows() {
    let rows = "a,,,,,,,/a.svg,1,,\n".repeat(ROWS_MAX - 1);
    let full = format!("{HEADER}a,A,,,,1,,,,,\n{rows}");
    assert!(import_text(&full).is_ok());
    let line = u64::try_from(ROWS_MAX).unwrap() + 2;
    check_file(&format!("{full}a,,,,,,,/a.svg,1,,\n"), line, None, ImportProblem::TooManyRows);
}

#[test]
fn a_file_is_bounded_in_products() {
    let rows = |count| numbered(0..count, "p#,P,,,,1,,,,,\n");
    assert!(import_text(&format!("{HEADER}{}", rows(PRODUCTS_MAX))).is_ok());
    let line = u64::try_from(PRODUCTS_MAX).unwrap() + 2;
    check(&rows(PRODUCTS_MAX + 1), line, "", ImportProblem::TooManyProducts);
}

#[test]
fn a_product_is_bounded_in_variants() {
    let rows = |count| numbered(1..count, "a,,,#,,1,,,,,\n");
    let first = "a,A,Size,0,,1,,,,,\n";
    let full = format!("{HEADER}{first}{}", rows(VARIANTS_PER_PRODUCT_MAX));
    assert!(import_text(&full).is_ok());
    let over = format!("{first}{}", rows(VARIANTS_PER_PRODUCT_MAX + 1));
    check(&over, 2050, "", ImportProblem::TooManyVariants);
}

#[test]
fn a_product_is_bounded_in_images() {
    let rows = |count| numbered(0..count, "a,,,,,,,/#.svg,,,\n");
    let first = "a,A,,,,1,,,,,\n";
    assert!(import_text(&format!("{HEADER}{first}{}", rows(IMAGES_PER_PRODUCT_MAX))).is_ok());
    let over = format!("{first}{}", rows(IMAGES_PER_PRODUCT_MAX + 1));
    check(&over, 253, "", ImportProblem::TooManyImages);
}

#[test]
fn a_file_with_nothing_to_show_is_refused() {
    check_file("Handle,Title,Price\n", 2, None, ImportProblem::NoProducts);
    check("a,A,,,,1,,,,false,\nb,B,,,,1,,,,,draft\n", 4, "", ImportProblem::NoProducts);
}

#[test]
fn the_first_broken_row_is_told_and_nothing_is_imported() {
    let rows = "a,A,,,,1,,,,,\nb,B,,,,x,,,,,\nc,,,,,1,,,,,\n";
    let bad = ImportProblem::BadPrice(MoneyError::NotADecimal("x".to_owned()));
    check(rows, 3, "Variant Price", bad);
}
