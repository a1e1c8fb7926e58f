//! A day's allocations: one response, or page by page.
//!
//! Sources ignore `limit` or `offset`, cap pages, limit each set, and change between two pages. A listing of pages
//! therefore ends only on an empty page or on a first page that has everything, and its sums are compared with those of
//! a query for the whole day.

use std::num::NonZeroU32;

use contract::{
    day::Day,
    documents::{Part, PartKind, SourceKind},
};
use response::{Expectation, ParsedRows, Refusal, ResponseFault, RowParser, Tally, Verdict};
use seams::{
    bugs::{Bug, is_planted},
    time,
};

use crate::{
    collect::{Allocations, Collector, DayError},
    part::{self, PartError, ReceivedPart},
    source::{AllocationQuery, Query, ReadTimeout, SourceError, brief, of_other_api, other_api},
    totals,
};

/// After so many pages their size doubles, so that a manifest names at most some thousands of parts.
const PAGES_OF_A_SIZE: u32 = 200;

/// What a page says of the listing.
enum Page {
    /// Rows that come after those before.
    Next,
    /// Nothing follows.
    End,
    /// It is the first page again: the source does not know offsets. Whether it knows limits is open.
    FirstAgain,
    /// It repeats rows: the order changed between two requests, so that other rows are on no page.
    Repeated(String),
}

fn judge(number: u32, page: &Tally, pages: &Tally) -> Page {
    let common = page.keys_in_common(pages);
    if page.rows() == 0 {
        Page::End
    } else if number == 2 && common > 0 && common == pages.keys() && common == page.keys() {
        Page::FirstAgain
    } else if common > 0 {
        Page::Repeated(format!(
            "page {number} repeats {common} rows of earlier pages: the source's order changed between requests (PAGE_SIZE); the next run collects the day again"
        ))
    } else {
        Page::Next
    }
}

/// A listing so far.
struct Listing {
    expectation: Expectation,
    parts: Vec<Part>,
    pages: Tally,
    warnings: Vec<String>,
}

impl Listing {
    fn new(expectation: Expectation) -> Self {
        Self {
            parts: Vec::new(),
            pages: Tally::new(expectation.day, expectation.aggregation),
            warnings: Vec::new(),
            expectation,
        }
    }

    /// Stores a page.
    async fn add(&mut self, received: ReceivedPart, mut page: Tally) -> Result<Result<(), Refusal>, DayError> {
        let verdict = match page.verdict(&self.expectation) {
            Ok(verdict) => verdict,
            Err(refusal) => {
                let beginning = received.beginning.clone();
                received.discard().await;
                return Ok(Err(match other_api(&beginning) {
                    Some(api) => Refusal::Wrong(of_other_api(api, &format!("it begins: {}", brief(&beginning)))),
                    None => refusal,
                }));
            }
        };
        self.warnings.extend(received.envelope.warnings.iter().cloned());
        let part = received.store(PartKind::Allocation, verdict.rows, verdict.set).await?;
        self.parts.push(part);
        self.pages.add_page(page);
        Ok(Ok(()))
    }

    /// Pages are judged once more together: each of them may have been partial.
    fn finish(mut self, query: String) -> Result<Allocations, Refusal> {
        let mut verdict = self.pages.verdict(&self.expectation)?;
        let mut parts = self.parts;
        if verdict.is_no_data() {
            parts.clear();
            verdict = Verdict::default();
        }
        verdict.warnings.extend(self.warnings);
        Ok(Allocations { parts, query, verdict })
    }
}

impl Collector<'_> {
    pub(crate) async fn pages(
        &self,
        day: Day,
        explicit_aggregation: bool,
    ) -> Result<Result<Allocations, Refusal>, DayError> {
        let template = AllocationQuery {
            kind: self.source.kind,
            aggregation: self.settings.aggregation,
            explicit_aggregation,
            filter: self.settings.filter.as_deref(),
            idle: self.settings.idle,
        };
        let expectation = Expectation {
            day,
            aggregation: Some(self.settings.aggregation),
            clusters: if is_planted(Bug::OtherClustersAccepted) {
                Vec::new()
            } else {
                self.settings.clusters.clone()
            },
        };
        let description = template.query(day.window(), None).describe();
        let listed = match self.settings.page_size {
            // OpenCost has no pages.
            Some(limit) if self.source.kind == SourceKind::Kubecost => {
                self.page_by_page(&template, limit, expectation).await?
            }
            _ => self.at_once(&template, expectation).await?,
        };
        Ok(listed.and_then(|listing| listing.finish(description)))
    }

    /// The whole day by one request.
    async fn at_once(
        &self,
        template: &AllocationQuery<'_>,
        expectation: Expectation,
    ) -> Result<Result<Listing, Refusal>, DayError> {
        let day = expectation.day;
        let mut listing = Listing::new(expectation);
        let query = template.query(day.window(), None);
        let (received, mut page) = self.allocation_page(day, &query, &listing.pages).await?;
        if page
            .verdict(&listing.expectation)
            .is_ok_and(|verdict| verdict.is_no_data())
        {
            received.discard().await;
            return Ok(Ok(listing));
        }
        Ok(listing.add(received, page).await?.map(|()| listing))
    }

    async fn page_by_page(
        &self,
        template: &AllocationQuery<'_>,
        limit: NonZeroU32,
        expectation: Expectation,
    ) -> Result<Result<Listing, Refusal>, DayError> {
        let day = expectation.day;
        let began = time::now();
        let mut listing = Listing::new(expectation.clone());
        let (mut limit, mut offset, mut number) = (limit, 0, 1);
        loop {
            let query = template.query(day.window(), Some((offset, limit)));
            let (received, page) = self.allocation_page(day, &query, &listing.pages).await?;
            let (rows, reached) = (page.rows(), page.rows_of_largest_set());
            match judge(number, &page, &listing.pages) {
                Page::Next => match listing.add(received, page).await? {
                    Ok(()) => {}
                    Err(refusal) => return Ok(Err(refusal)),
                },
                Page::End => {
                    received.discard().await;
                    break;
                }
                // Fewer rows than a page holds are all there are.
                Page::FirstAgain if rows != u64::from(limit.get()) => {
                    received.discard().await;
                    break;
                }
                Page::FirstAgain => {
                    received.discard().await;
                    tracing::warn!(%day, "the source sends the first page again: querying the whole day at once");
                    match self.at_once(template, expectation).await? {
                        Ok(whole) => listing = whole,
                        Err(refusal) => return Ok(Err(refusal)),
                    }
                    break;
                }
                Page::Repeated(reason) => {
                    received.discard().await;
                    return Err(SourceError::Refused(reason).into());
                }
            }
            // A longer first page than was asked for is everything: the source does not know pages.
            if number == 1 && reached > u64::from(limit.get()) {
                break;
            }
            let elapsed = time::now() - began;
            if elapsed > self.settings.longest_response {
                let reason = format!(
                    "{number} pages within {:.0} s did not reach the end: raise PAGE_SIZE",
                    elapsed.as_secs_f64()
                );
                let url = self.client.url().to_string();
                return Err(SourceError::TooSlow { url, reason }.into());
            }
            offset += reached;
            number += 1;
            if number % PAGES_OF_A_SIZE == 0 {
                limit = limit.saturating_add(limit.get());
                tracing::warn!(%day, page_size = limit, "PAGE_SIZE was raised, so that the day has no more parts than a manifest can name");
            }
        }
        self.check_sums(template, day, &listing.pages).await?;
        Ok(Ok(listing))
    }

    /// Compares cost, core-hours and byte-hours of all pages with those of the whole day, which the source adds up.
    async fn check_sums(&self, template: &AllocationQuery<'_>, day: Day, pages: &Tally) -> Result<(), DayError> {
        let whole = self
            .with_retries(async || {
                let whole = totals::whole_day(self.client, self.settings, template.kind, day);
                whole.await.map_err(PartError::from)
            })
            .await?;
        for (number, name) in totals::COMPARED {
            let (paged, expected) = (pages.sum(number), whole.sum(number));
            let agree = totals::agree(paged, expected, pages.rows() + whole.rows());
            if !agree && !is_planted(Bug::PagesNotCompared) {
                return Err(SourceError::Refused(format!(
                    "the pages add up to {paged} {name}, and the day by cluster to {expected}: rows are missing or came twice (PAGE_SIZE); set PAGE_SIZE to 0, or the next run collects the day again"
                ))
                .into());
            }
        }
        Ok(())
    }

    async fn allocation_page(&self, day: Day, query: &Query, pages: &Tally) -> Result<(ReceivedPart, Tally), DayError> {
        let read_timeout = ReadTimeout::of_allocations(self.settings);
        self.with_retries(async || {
            let number = self.next_part(day);
            let key = self.prefixes.allocation_part(self.cluster.id(), &self.run, day, number);
            let mut tally = pages.next_page();
            let mut parser = RowParser::without_labels();
            let mut rows = ParsedRows::new(&mut parser, |set, key, row| match row {
                Ok(row) => tally.add(set, key, &row).map(|_| ()),
                Err(error) => tally.add_unreadable(set, key, &error),
            });
            let received = part::receive(self.client, query, read_timeout, self.store, key, &mut rows).await?;
            Ok((received, tally))
        })
        .await
        .map_err(|error| match error {
            DayError::Part(PartError::Source(SourceError::Response { url, fault })) => {
                // A failure that the source reports itself is no other API's.
                let excerpt = match &fault {
                    ResponseFault::NotJson { excerpt }
                    | ResponseFault::Malformed { excerpt, .. }
                    | ResponseFault::Shape { excerpt, .. } => excerpt.as_str(),
                    _ => "",
                };
                match other_api(excerpt) {
                    Some(api) => SourceError::Refused(format!("{url}: {}", of_other_api(api, &fault.to_string()))),
                    None => SourceError::Response { url, fault },
                }
                .into()
            }
            other => other,
        })
    }
}
